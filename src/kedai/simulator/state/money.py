"""Money inside is whole minor units; outside it is a JSON number in major units (contract §7.2)."""

from __future__ import annotations


def to_number(minor: int, decimals: int) -> int | float:
    """Return the JSON number of an amount: 1990 with 2 decimals is 19.9, 2000 is 20.

    One correctly rounded division gives the double nearest to the decimal, whose shortest text is that decimal:
    no artefact of adding floats can appear, because only integers are ever added.
    """
    if decimals == 0:
        return minor
    scale: int = 10**decimals
    whole, rest = divmod(minor, scale)
    return minor / scale if rest else whole
