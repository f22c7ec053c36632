"""Scripted, seeded days of trade, for demonstrations and load."""
