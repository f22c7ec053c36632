"""Coming from the old system: its tables, from its database or a dump of it, taken over row by row.

What is read is data: no statement of a dump is ever run, and the old database is only read.
"""
