"""Benchmarks: programs that print a table and ratios measured in one run; never an assertion about time."""
