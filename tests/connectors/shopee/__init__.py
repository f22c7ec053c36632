"""Shopee: signatures, pushes, answers, errors and the form."""
