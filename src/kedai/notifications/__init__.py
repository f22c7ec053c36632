"""Telling people: the channels of this installation, what waits to be told, and how each try went."""
