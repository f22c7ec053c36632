"""Who did what, append-only and hash-chained; written in the same transaction as the deed."""
