"""The only place where features and connectors meet."""
