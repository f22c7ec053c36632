"""Marketplaces: bytes and values in, values out. They never touch the database, the settings or the web."""
