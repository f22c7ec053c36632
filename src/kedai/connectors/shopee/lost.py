"""Pushes that nobody took: the bodies they had, whatever shape the queue hands them out in (contract §4.3).

One that cannot be understood still becomes a body: it is stored for a person to look at, and does not stop the others.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

import msgspec

from kedai.errors import Invalid, RemoteUnreadable
from kedai.values.app import LostPushes
from kedai.values.wording import N_

LIST_PATH: Final = "/api/v2/push/get_lost_push_message"
CONFIRM_PATH: Final = "/api/v2/push/confirm_consumed_lost_push_message"

_NAMED = ("shop_id", "code")
_LADDER_SECONDS = 300 + 1_800 + 10_800
"""So long a push is tried before it is given up (contract §4.2); what the queue tells is when that was."""

_decode = msgspec.json.Decoder(float_hook=Decimal).decode
# The same message must give the same bytes at each reading, since its id is made of them.
_encode = msgspec.json.Encoder(decimal_format="number", order="sorted").encode
_UNREADABLE = (msgspec.MsgspecError, RecursionError, UnicodeError)


class LostList(msgspec.Struct, frozen=True):
    """Answer of ``push/get_lost_push_message``; each message is kept as it came."""

    push_message_list: list[msgspec.Raw] | None = None
    has_next_page: bool | None = None
    last_message_id: int | None = None


def to_lost_pushes(listed: LostList) -> LostPushes:
    """One page.

    Raises:
        RemoteUnreadable: there are messages, but no id that would confirm them.
    """
    bodies = tuple(_body(bytes(message)) for message in listed.push_message_list or ())
    if bodies and not listed.last_message_id:
        raise RemoteUnreadable(N_("Shopee's lost pushes come without the id that confirms them."))
    return LostPushes(bodies, str(listed.last_message_id) if bodies else None, bool(listed.has_next_page))


def confirm_body(last_id: str) -> bytes:
    """Write the confirmation.

    Raises:
        Invalid: this is no id of a message.
    """
    if not (last_id.isascii() and last_id.isdigit()):
        raise Invalid(N_("This is no id of a lost push."), field="last_id")
    return msgspec.json.encode({"last_message_id": int(last_id)})


def _body(message: bytes) -> bytes:
    """The push as it was sent where the queue has its text; else what it says, written the same way each time.

    ``data`` is typed as a text and shown as an object (open question 10), and either may be the whole envelope or only
    the part of it that has this name.
    """
    try:
        told = _decode(message)
    except _UNREADABLE:
        return message
    data = told.get("data") if isinstance(told, dict) else None
    if isinstance(data, str):
        whole = _envelope_in(data)
        if whole is not None:
            return whole
    if isinstance(data, dict) and "code" in data:
        return _encode(data)
    if not isinstance(told, dict):
        return message
    return _encode(
        {**{name: told[name] for name in _NAMED if told.get(name) is not None}, **_sent_at(told), "data": _inner(data)}
    )


def _envelope_in(text: str) -> bytes | None:
    """The text's own bytes where it is a whole push."""
    try:
        raw = text.encode()
        inner = _decode(raw)
    except _UNREADABLE:
        return None
    return raw if isinstance(inner, dict) and "code" in inner else None


def _sent_at(told: dict[str, Any]) -> dict[str, int]:
    """When the push was made: one that comes late must not pass for newer than what happened since."""
    lost_at = told.get("timestamp")
    return {"timestamp": lost_at - _LADDER_SECONDS} if type(lost_at) is int and lost_at > _LADDER_SECONDS else {}


def _inner(data: Any) -> Any:
    """The data of a push; a text of it is taken apart, where it can be."""
    if not isinstance(data, str):
        return data
    try:
        return _decode(data)
    except _UNREADABLE:
        return data
