"""What we asked of a marketplace and how it answered: the log of outgoing calls, kept for a while."""
