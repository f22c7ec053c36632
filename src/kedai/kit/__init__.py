"""Small functions that know no domain: time, ciphers, logs, ids, paging."""
