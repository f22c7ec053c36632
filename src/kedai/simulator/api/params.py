"""Reads business parameters from a query or a JSON body, and words what is wrong with them (contract §2.4, §6.3)."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any, Protocol, overload

from kedai.simulator.api import texts
from kedai.simulator.api.errors import ApiError
from kedai.simulator.api.texts import UINT32_MAX

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_PAGE = 100
_LONGEST_NUMBER = 19
_LARGEST_AMOUNT = Decimal(10**12)


class Query(Protocol):
    """Query parameters: a name may occur more than once."""

    @overload
    def get(self, key: str) -> str | None: ...
    @overload
    def get(self, key: str, default: str) -> str: ...
    def getall(self, key: str, default: list[str]) -> list[str]:
        """Return every value of the name."""


def parse_uint(text: str, *, maximum: int = UINT32_MAX) -> int | None:
    """Return the number of plain ASCII digits, None for anything else or beyond the maximum."""
    if not text or len(text) > _LONGEST_NUMBER or not (text.isascii() and text.isdigit()):
        return None
    number = int(text)
    return number if number <= maximum else None


def required_text(query: Query, name: str) -> str:
    """Return a parameter that must be there."""
    value = query.get(name, "")
    if not value:
        raise ApiError(texts.required_field(name))
    return value


def required_number(query: Query, name: str) -> int:
    """Return a whole number that must be there."""
    number = parse_uint(required_text(query, name))
    if number is None:
        raise ApiError(texts.wrong_type(name, expected="integer", given="string"))
    return number


def optional_number(query: Query, name: str, default: int) -> int:
    """Return a whole number that may be missing."""
    return required_number(query, name) if query.get(name) else default


def page_size(query: Query) -> int:
    """Return ``page_size``, 1 to 100."""
    return checked_page_size(required_number(query, "page_size"))


def checked_page_size(size: int) -> int:
    """Refuse a page that is too large or holds nothing."""
    if size > MAX_PAGE:
        raise ApiError(texts.wrong_parameters(f"page_size must be {MAX_PAGE} or less"))
    if size < 1:
        raise ApiError(texts.wrong_parameters("page_size must be 1 or more"))
    return size


def one_of(query: Query, name: str, options: Sequence[str]) -> str:
    """Return a parameter that must be one of the options."""
    value = required_text(query, name)
    if value not in options:
        detail = f"{name} must be one of {' '.join(options)}"
        raise ApiError(texts.wrong_parameters(detail))
    return value


def text_list(query: Query, name: str) -> list[str]:
    """Return a list given as one comma-joined value, as a repeated key or in brackets; each entry once."""
    found: dict[str, None] = {}
    for value in query.getall(name, []):
        inner = value.strip().removeprefix("[").removesuffix("]")
        for part in inner.split(","):
            entry = part.strip().strip("\"'")
            if entry:
                found[entry] = None
    return list(found)


def body_text(body: dict[str, Any], name: str) -> str:
    """Return a text of a JSON body that must be there."""
    value = body.get(name)
    if value is None or value == "":
        raise ApiError(texts.required_field(name))
    if not isinstance(value, str):
        raise ApiError(texts.wrong_type(name, expected="string", given=_json_type(value)))
    return value


def body_number(body: dict[str, Any], name: str) -> int:
    """Return a whole number of a JSON body that must be there."""
    value = body.get(name)
    if value is None:
        raise ApiError(texts.required_field(name))
    if not isinstance(value, int) or isinstance(value, bool):
        raise ApiError(texts.wrong_type(name, expected="integer", given=_json_type(value)))
    return value


def body_numbers(body: dict[str, Any], name: str) -> list[int]:
    """Return a list of whole numbers of a JSON body; empty where it is missing."""
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise ApiError(texts.wrong_type(name, expected="array", given=_json_type(value)))
    for one in value:
        if not isinstance(one, int) or isinstance(one, bool):
            raise ApiError(texts.wrong_type(name, expected="integer", given=_json_type(one)))
    return value


def body_optional_text(body: dict[str, Any], name: str) -> str:
    """Return a text of a JSON body; empty where it is missing."""
    return body_text(body, name) if body.get(name) not in (None, "") else ""


def body_optional_number(body: dict[str, Any], name: str, default: int) -> int:
    """Return a whole number of a JSON body that may be missing."""
    return default if body.get(name) is None else body_number(body, name)


def body_amount(body: dict[str, Any], name: str, decimals: int) -> int:
    """Return an amount of a JSON body in minor units; what is finer is rounded, as the marketplace does."""
    value = body.get(name)
    if value is None:
        raise ApiError(texts.required_field(name))
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ApiError(texts.wrong_type(name, expected="number", given=_json_type(value)))
    amount = Decimal(str(value))
    if not 0 <= amount <= _LARGEST_AMOUNT:
        raise ApiError(texts.wrong_parameters(f"{name} is out of range"))
    return int((amount * 10**decimals).to_integral_value(ROUND_HALF_UP))


def body_object(body: dict[str, Any], name: str) -> dict[str, Any] | None:
    """Return an object of a JSON body; None where it is missing."""
    value = body.get(name)
    if value is not None and not isinstance(value, dict):
        raise ApiError(texts.wrong_type(name, expected="object", given=_json_type(value)))
    return value


def body_objects(body: dict[str, Any], name: str, *, most: int = 50, required: bool = True) -> list[dict[str, Any]]:
    """Return a list of objects of a JSON body, 1 to `most` of them; empty only if it is not required."""
    value = body.get(name)
    if not value:
        if required:
            raise ApiError(texts.required_field(name))
        return []
    if not isinstance(value, list):
        raise ApiError(texts.wrong_type(name, expected="array", given=_json_type(value)))
    if len(value) > most:
        raise ApiError(texts.wrong_parameters(f"{name} must hold {most} or less"))
    for one in value:
        if not isinstance(one, dict):
            raise ApiError(texts.wrong_type(name, expected="object", given=_json_type(one)))
    return value


def body_texts(body: dict[str, Any], name: str) -> list[str]:
    """Return a list of texts of a JSON body; empty where it is missing."""
    value = body.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise ApiError(texts.wrong_type(name, expected="array", given=_json_type(value)))
    for one in value:
        if not isinstance(one, str):
            raise ApiError(texts.wrong_type(name, expected="string", given=_json_type(one)))
    return value


def is_true(query: Query, name: str) -> bool:
    """Whether a flag of a query is set, in whatever case."""
    return query.get(name, "").lower() == "true"


def _json_type(value: object) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")
