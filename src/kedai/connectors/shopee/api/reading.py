"""Turns an answer's JSON into frozen models: exact decimals, aware instants, and all that came kept in ``raw``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

import msgspec

from kedai.connectors.base import HttpAnswer
from kedai.connectors.shopee.mapping import to_amount, to_instant
from kedai.connectors.shopee.schemas import UNREADABLE
from kedai.errors import RemoteUnreadable
from kedai.values.money import Money
from kedai.values.wording import N_

if TYPE_CHECKING:
    Instant: TypeAlias = datetime | None
    Exact: TypeAlias = Decimal | None
    Text: TypeAlias = str | None
    Texts: TypeAlias = tuple[str, ...]
else:

    class _Held(type):
        """Lets a field's hook give a value of several types: msgspec asks whether it is an instance."""

        def __instancecheck__(cls, value: object) -> bool:
            return isinstance(value, cls.held)

    class Instant(metaclass=_Held):
        """An instant from Unix seconds; 0, null and what is no 32-bit instant are None (contract §5.1, §7.1)."""

        held = (datetime, type(None))

    class Exact(metaclass=_Held):
        """A number by its own digits, whether it came as a number or as a text (contract §7.1, §7.2); "" is None."""

        held = (Decimal, type(None))

    class Text(metaclass=_Held):
        """A text, also where one document types it as a number (contract, appendix A.Payment)."""

        held = (str, type(None))

    class Texts(metaclass=_Held):
        """Texts, whether a list came or a single one: table and sample of a document may differ (contract §5.1)."""

        held = (tuple,)


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A part of an answer, under Shopee's own field names. What is absent or null is None or an empty tuple.

    ``raw`` is the JSON object as it came: fields that the documents do not name, and the words behind an ``UNKNOWN``.
    """

    raw: Mapping[str, Any] = msgspec.field(default_factory=dict)

    def __repr__(self) -> str:
        """Name the type only: names, addresses and phone numbers must not reach a log by accident."""
        return f"{type(self).__name__}(…)"

    def money(self, amount: Decimal | None) -> Money | None:
        """One of this part's amounts in the currency that it names itself; see `to_money`."""
        return to_money(amount, getattr(self, "currency", ""))


class Answer(Model, frozen=True, kw_only=True):
    """A whole answer. ``request_id`` is what Shopee's support asks for; ``warning`` has no fixed shape (§6.1)."""

    request_id: str = ""
    warning: Any = None


class Partial(Answer, frozen=True, kw_only=True):
    """An answer of results per item, some or all of which may have failed (contract §5.2, §5.4).

    ``refusal`` is the envelope's code where it came together with results, as ``common.batch_api_all_failed`` does.
    """

    refusal: str = ""


class Done(Answer, frozen=True, kw_only=True):
    """Nothing but success."""


def to_money(amount: Decimal | None, currency: str) -> Money | None:
    """An amount in major units with its currency, without the noise of somebody's float arithmetic.

    Raises:
        RemoteUnreadable: more than four decimals, or no currency is known.
    """
    exact = to_amount(amount, "answer")
    if exact is None:
        return None
    if not currency:
        raise RemoteUnreadable("Shopee's answer names no currency for an amount.")
    return Money(exact, currency)


Shape = TypeVar("Shape", bound=Answer)


def read_answer(answer: HttpAnswer, shape: type[Shape], *, refusal: str = "") -> Shape:
    """Read a whole answer; what stands beside ``response`` counts where ``response`` lacks it (contract §5.3, §5.5).

    A ``response`` that is a list is read as the field ``rows``.

    Raises:
        RemoteUnreadable: it does not fit the shape; the message names the place, never the content.
    """
    try:
        body = _decoder.decode(answer.body)
        payload = _payload(body)
        tree = _prepared(payload)
        tree["request_id"] = body.get("request_id") or ""
        tree["warning"] = body.get("warning")
        if refusal:
            tree["refusal"] = refusal
        return msgspec.convert(tree, shape, strict=False, dec_hook=_read_special)
    except UNREADABLE as error:
        place = f": {error}" if isinstance(error, msgspec.ValidationError) else ""
        text = N_("Shopee's answer is no %(shape)s as documented%(place)s.", shape=shape.__name__, place=place)
        raise RemoteUnreadable(text) from None


def holds_results(answer: HttpAnswer) -> bool:
    """Whether an answer that failed as a whole tells all the same how each item fared (contract §6.1)."""
    try:
        payload = _payload(_decoder.decode(answer.body))
    except UNREADABLE:
        return False
    return any(payload.get(name) for name in _RESULTS)


_decoder: Final = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)
_ENVELOPE: Final = frozenset({"error", "message", "warning", "request_id", "response"})
_RESULTS: Final = ("result_list", "success_list", "failure_list", "fail_list")
_SPELLINGS: Final[Mapping[str, str]] = {
    "income_detail_list_item": "items",
    "is_asc": "ascending",
    "list": "items",
    "parcel_chargeable_weight": "parcel_chargeable_weight_gram",
    "shipping_fee_discount_from_pl": "shipping_fee_discount_from_3pl",
    "return": "returns",
    "sip_affi_shop_list": "sip_affi_shops",
    "trade_in_bonus_seller": "trade_in_bonus_by_seller",
}
"""Fields that table and sample, or two calls, spell differently (contract §3.5, §5.1 to §5.3)."""
_ONE_OR_MANY: Final = frozenset(
    {
        "compensation_amount_list",
        "items",
        "kit_items",
        "net_commission_fee_info_list",
        "net_service_fee_info_list",
        "payout_list",
        "tenure_info_list",
        "transactions",
    }
)
"""Fields that the documents type as one object where their names or samples say several (contract §5.3, appendix)."""
_LARGEST: Final = 20


def _payload(body: dict[str, Any]) -> dict[str, Any]:
    beside = {name: value for name, value in body.items() if name not in _ENVELOPE}
    response = body.get("response")
    if isinstance(response, dict):
        return {**beside, **response}
    return {**beside, "rows": response} if isinstance(response, list) else beside


def _prepared(given: dict[str, Any]) -> dict[str, Any]:
    """Copy an object without its nulls, misspelt names put right, and keep the original in ``raw``."""
    tree: dict[str, Any] = {}
    for name, value in given.items():
        if value is None:
            continue
        known = _SPELLINGS.get(name, name)
        if known != name and given.get(known) is not None:
            continue
        if type(value) is dict:
            tree[known] = [_prepared(value)] if known in _ONE_OR_MANY else _prepared(value)
        elif type(value) is list:
            tree[known] = [_prepared(one) if type(one) is dict else one for one in value if one is not None]
        else:
            tree[known] = value
    tree["raw"] = given
    return tree


def _read_special(kind: type, value: Any) -> Any:
    return _READERS[kind](value)


def _read_instant(value: Any) -> datetime | None:
    if isinstance(value, str) and value.strip().isdecimal() and value.isascii():
        value = int(value[:_LARGEST])
    if value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError("Expected Unix seconds")
    return to_instant(value)


def _read_exact(value: Any) -> Decimal | None:
    if value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, int | str | Decimal):
        raise TypeError("Expected a number")
    try:
        number = Decimal(value)
    except ArithmeticError:
        raise ValueError("Expected a number") from None
    if not number:
        return Decimal(0)
    if not number.is_finite() or abs(number.adjusted()) > _LARGEST:
        raise ValueError("Expected a number of a usable size")
    return number


def _read_texts(value: Any) -> tuple[str, ...]:
    texts = value if isinstance(value, list) else [value]
    return tuple(text for one in texts if (text := _read_text(one)))


def _read_text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise TypeError("Expected a text")
    return str(value)


_READERS: Final[Mapping[Any, Callable[[Any], Any]]] = {
    Instant: _read_instant,
    Exact: _read_exact,
    Text: _read_text,
    Texts: _read_texts,
}
