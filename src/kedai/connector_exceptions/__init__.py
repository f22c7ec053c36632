"""What a person must look at, grouped by fingerprint. (Python errors live in `errors.py`.)"""
