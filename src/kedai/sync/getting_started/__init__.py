"""The way from an empty installation to the first live order, told by what is stored; nobody ticks a step off."""
