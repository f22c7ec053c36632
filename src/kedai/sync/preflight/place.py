"""Is the host the right one, does it answer, does our clock fit its own, and does it accept our signature?"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from kedai.connectors.base import HttpAnswer, Probes
from kedai.errors import KedaiError
from kedai.kit.clock import monotonic
from kedai.sync.parts import Parts
from kedai.sync.preflight.facts import Facts
from kedai.sync.preflight.findings import failed, not_applicable, not_tried, passed, refused, warning
from kedai.values.check import Check
from kedai.values.wording import N_, joined

WARN_SECONDS: Final = 60
FAIL_SECONDS: Final = 240
_SET_THE_CLOCK: Final = N_("Set this server's clock by NTP (for example systemd-timesyncd or chrony).")
_WRONG_HOST: Final = N_("the host is wrong.")
_OPEN_THE_WAY: Final = N_(
    "Look whether this server may reach it: name resolution, firewall, and the host that is chosen."
)


async def check_configuration(_parts: Parts, facts: Facts) -> Sequence[Check]:
    """Completeness, which a switch looks at once more by itself."""
    if facts.missing:
        labels = {field.name: field.label for field in facts.connector.credential_fields}
        names = joined(", ", [labels.get(name, name) for name in facts.missing])
        fix = N_("Fill it in on this environment's tab.")
        return [failed("configuration", N_("Missing: %(names)s.", names=names), fix)]
    return [passed("configuration", N_("Nothing is missing."))]


async def check_place(parts: Parts, facts: Facts) -> Sequence[Check]:
    """The host by its name, then whether it answers; its answer's date tells how far our clock is off."""
    if facts.place.problem or facts.place.host is None:
        right = facts.connector.default_host(facts.environment)
        fix = N_("Choose the host %(right)s on this environment's tab and save.", right=right)
        return [failed("host", facts.place.problem, fix), not_tried("clock", _WRONG_HOST)]
    if facts.app is None:
        return [not_tried(name, facts.app_problem) for name in ("host", "clock")]
    address = facts.place.host.api_url
    asked_at, began = parts.http.clock.now(), monotonic()
    try:
        answer = await parts.http.send(facts.app.credentials, "GET", "/", ())
    except KedaiError as error:
        return [failed("host", error.message, _OPEN_THE_WAY), not_tried("clock", N_("the host does not answer."))]
    half_way = asked_at + timedelta(seconds=(monotonic() - began) / 2)
    return [passed("host", N_("%(address)s answers.", address=address)), _judge_clock(answer, half_way)]


async def check_signature(_parts: Parts, facts: Facts) -> Sequence[Check]:
    """By the cheapest call that proves one."""
    if facts.app is None:
        return [not_tried("signature", why_not(facts))]
    if not isinstance(facts.app.client, Probes):
        found = N_("%(label)s has no call for it: the shops' calls tell.", label=facts.connector.label)
        return [not_applicable("signature", found)]
    try:
        await facts.app.client.get_ip_ranges()
    except KedaiError as error:
        return [refused("signature", error)]
    return [passed("signature", N_("A signed call was accepted."))]


def why_not(facts: Facts) -> str:
    """Why no call can be made where there is no app."""
    return _WRONG_HOST if facts.place.problem else facts.app_problem


def _judge_clock(answer: HttpAnswer, ours: datetime) -> Check:
    try:
        theirs = parsedate_to_datetime(answer.headers.get("date", "")).replace(tzinfo=UTC)
    except ValueError:
        return not_applicable("clock", N_("The host does not say what time it is."))
    # the header's seconds are cut off: on average it is half a second later
    ahead = (ours - theirs).total_seconds() - 0.5
    off = round(abs(ahead))
    found = _tell_offset(off, is_ahead=ahead > 0)
    if off > FAIL_SECONDS:
        return failed("clock", found, joined(" ", [_SET_THE_CLOCK, N_("The marketplace refuses calls from 300 s on.")]))
    if off > WARN_SECONDS:
        return warning("clock", found, _SET_THE_CLOCK)
    return passed("clock", found)


def _tell_offset(off: int, *, is_ahead: bool) -> str:
    if off <= WARN_SECONDS:
        return N_("clock off by %(off)s s", off=off)
    return N_("clock off by %(off)s s, ahead", off=off) if is_ahead else N_("clock off by %(off)s s, behind", off=off)
