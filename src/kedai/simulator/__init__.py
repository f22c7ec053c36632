"""A faithful Shopee of our own, as a separate process.

It imports nothing of the rest of Kedai, so that a bug cannot hide on both sides.
"""
