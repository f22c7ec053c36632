"""Shopee Open Platform v2: everything that is particular to it."""
