"""When a call may go out, and whether a failed one is tried again: no marketplace, no database, no clock of its own."""
