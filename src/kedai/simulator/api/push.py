"""The push configuration (contract §4.3): a new callback URL is accepted only after a test push that it takes."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import msgspec

from kedai.simulator.api import texts
from kedai.simulator.api.errors import ApiError
from kedai.simulator.api.params import body_number, body_numbers, body_text
from kedai.simulator.redirects import is_web_address
from kedai.simulator.state.deliveries import SUCCESS_CLASS
from kedai.simulator.state.push_settings import BLOCKED_LIMIT, PUSH_CODES

if TYPE_CHECKING:
    from kedai.simulator.api.call import Answer, Call
    from kedai.simulator.state.deliveries import Attempt
    from kedai.simulator.state.lost import LostMessage


def get_app_push_config(call: Call) -> Answer:
    """Say where pushes go, which ones, and how the answers to them are rated."""
    push = call.app.push
    return {
        "response": {
            "callback_url": call.app.callback_url or "",
            "live_push_status": push.status,
            "suspended_time": push.suspended_at or 0,
            "blocked_shop_id": push.blocked_shop_ids,
            "push_config_on_list": push.codes_on,
            "push_config_off_list": sorted(push.off),
        }
    }


async def set_app_push_config(call: Call) -> Answer:
    """Change what is given, all of it or nothing; a callback URL is tried first."""
    on, off = _codes(call, "set_push_config_on"), _codes(call, "set_push_config_off")
    blocked = body_numbers(call.body, "blocked_shop_id_list")
    if len(blocked) > BLOCKED_LIMIT:
        raise ApiError(texts.wrong_parameters(f"blocked_shop_id_list must hold {BLOCKED_LIMIT} or less"))
    url = body_text(call.body, "callback_url") if call.body.get("callback_url") else None
    if on and not (url or call.app.callback_url):
        raise ApiError(texts.CALLBACK_EMPTY)
    if url is not None:
        _check_url(url, intranet=call.world.switches.intranet_callbacks)
        _check_attempt(await call.simulation.courier.try_url(call.app, url))
        call.app.callback_url = url
    call.app.push.switch(on, off)
    if "blocked_shop_id_list" in call.body:
        call.app.push.blocked_shop_ids = blocked
    return {"response": {"result": "success"}}


def get_lost_push_message(call: Call) -> Answer:
    """Return the oldest hundred pushes that were lost in the last three days and are not confirmed."""
    messages, more = call.app.lost.page(call.world.clock.now())
    as_text = call.world.switches.lost_data_as_text
    return {
        "response": {
            "push_message_list": [_lost(message, as_text=as_text) for message in messages],
            "has_next_page": more,
            "last_message_id": messages[-1].message_id if messages else 0,
        }
    }


def _lost(message: LostMessage, *, as_text: bool) -> dict[str, Any]:
    whole = message.body.decode(errors="replace")
    shop = {} if message.shop_id is None else {"shop_id": message.shop_id}
    data = whole if as_text else msgspec.json.decode(message.body)
    return {**shop, "code": message.code, "timestamp": message.lost_at, "data": data}


def confirm_consumed_lost_push_message(call: Call) -> Answer:
    """Let go of the lost pushes up to a message."""
    last = body_number(call.body, "last_message_id")
    if not 0 < last <= call.app.lost.issued:
        raise ApiError(texts.wrong_parameters("last_message_id is invalid"))
    call.app.lost.confirm(last)
    return {}


def _codes(call: Call, name: str) -> list[int]:
    codes = body_numbers(call.body, name)
    for code in codes:
        if code not in PUSH_CODES:
            raise ApiError(texts.wrong_parameters(f"{name}: {code} is no push"))
    return codes


def _check_url(url: str, *, intranet: bool) -> None:
    if not is_web_address(url):
        raise ApiError(texts.CALLBACK_INVALID)
    if not intranet and _is_intranet(urlsplit(url).hostname or ""):
        raise ApiError(texts.CALLBACK_INTRANET)


def _is_intranet(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return "." not in host or host.endswith((".local", ".localhost", ".internal"))


def _check_attempt(attempt: Attempt) -> None:
    if attempt.status is None or attempt.error is not None:
        raise ApiError(texts.CALLBACK_SILENT)
    if attempt.status // 100 != SUCCESS_CLASS:
        raise ApiError(texts.CALLBACK_NOT_2XX)
    if not attempt.is_accepted:
        raise ApiError(texts.CALLBACK_WITH_BODY)
