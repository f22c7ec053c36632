"""Who we are to a marketplace: credentials, the active environment, shops, tokens and the keys that seal them."""
