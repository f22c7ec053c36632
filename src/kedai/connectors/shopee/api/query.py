"""Writes query parameters as Shopee reads them (contract §2.4); a value it would misread never leaves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal

from kedai.errors import Invalid

Value = str | int | bool | Decimal | datetime | date | None
Query = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Repeated:
    """A list that is sent as one parameter for each value (``item_status``); others are joined by commas."""

    values: Sequence[str | int]


def write_query(**parameters: Value | Iterable[str | int] | Repeated) -> Query:
    """Write parameters in their order; None is left out. Instants become Unix seconds, dates ``YYYY-MM-DD``.

    Raises:
        Invalid: a list is empty, or one of its values holds a comma and would be read as two.
    """
    query: Query = []
    for name, value in parameters.items():
        if value is None:
            continue
        if isinstance(value, Repeated):
            query += [(name, write_value(one, name)) for one in _some(value.values, name)]
        elif isinstance(value, str | int | Decimal | date):  # a truth value is an int, an instant is a date
            query.append((name, write_value(value, name)))
        else:
            query.append((name, ",".join(_joinable(one, name) for one in _some(value, name))))
    return query


def write_value(value: str | int | Decimal | date, name: str) -> str:
    """Write one value.

    Raises:
        Invalid: an instant without a time zone.
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return str(to_seconds(value, name))
    if isinstance(value, date):
        return value.isoformat()
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def to_seconds(instant: datetime, name: str) -> int:
    """Unix seconds.

    Raises:
        Invalid: the instant has no time zone, so nobody knows which one it is.
    """
    if instant.tzinfo is None:
        raise Invalid("An instant needs its time zone.", field=name)
    return int(instant.timestamp())


def _some(values: Iterable[str | int], name: str) -> Sequence[str | int]:
    found = list(dict.fromkeys(values))
    if not found:
        raise Invalid("This list must not be empty.", field=name)
    return found


def _joinable(value: str | int, name: str) -> str:
    text = write_value(value, name)
    if "," in text or not text:
        raise Invalid("No value of this list may be empty or hold a comma.", field=name)
    return text
