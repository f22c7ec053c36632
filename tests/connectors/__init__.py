"""Connectors: pure, so no database and no network but a local server."""
