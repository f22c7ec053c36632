"""The doctor: one list of checks over the whole installation, made of what the rooms below know; it repairs nothing."""
