"""Will pushes come: registered, not held back, and able to reach us? And is what came before dealt with?"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Final

from kedai.connectors.base import Probes, PushesToUs
from kedai.errors import KedaiError
from kedai.inbox.waiting import Queue
from kedai.sync.parts import Parts
from kedai.sync.preflight.facts import COUNTED, Facts
from kedai.sync.preflight.findings import failed, not_applicable, not_tried, passed, refused, warning
from kedai.sync.preflight.place import why_not
from kedai.sync.urls import webhook_paths, webhook_urls
from kedai.values.app import PushConfig, PushStatus
from kedai.values.check import Check
from kedai.values.wording import N_, NP_, joined

_REGISTER: Final = N_("Press “Register pushes”, or run “kedai env register-pushes”: it sets our address and the codes.")
_OPEN_OUR_ADDRESS: Final = N_(
    "Open KEDAI_PUBLIC_URL from outside: does it lead to this Kedai? Look at the reverse proxy: POST to the push "
    "address must be passed on unchanged, without a sign-in page, a redirect or a body of its own."
)


async def check_push_config(parts: Parts, facts: Facts) -> Sequence[Check]:
    """What the marketplace says of our pushes."""
    if facts.app is None:
        return [not_tried(name, why_not(facts)) for name in ("push_config", "push_status")]
    if not isinstance(facts.app.client, Probes):
        found = N_("%(label)s cannot be asked for it.", label=facts.connector.label)
        return [not_applicable(name, found) for name in ("push_config", "push_status")]
    try:
        config = await facts.app.client.get_push_config()
    except KedaiError as error:
        return [refused("push_config", error), not_tried("push_status", N_("the marketplace did not answer."))]
    return [_judge_config(parts, facts, config), _judge_status(config)]


def missing_codes(needed: Iterable[int], config: PushConfig) -> tuple[int, ...]:
    """Needed codes that are off; one that is neither on nor off is not offered to this kind of app at all."""
    return tuple(sorted(set(needed) & set(config.codes_off) if config.codes_on else set(needed)))


def _judge_config(parts: Parts, facts: Facts, config: PushConfig) -> Check:
    ours = webhook_urls(parts.settings, facts.connector.name, facts.environment)
    if config.callback_url not in ours:
        registered = (
            N_("Registered is %(theirs)s; ours is %(ours)s.", theirs=config.callback_url, ours=ours[0])
            if config.callback_url
            else N_("No address is registered; ours is %(ours)s.", ours=ours[0])
        )
        return failed("push_config", registered, _REGISTER)
    blocked = sorted(set(config.blocked_shop_ids) & {shop.shop_id for shop in facts.shops})
    if blocked:
        found = NP_(
            "No pushes are sent for the blocked shop %(shops)s.",
            "No pushes are sent for the blocked shops %(shops)s.",
            len(blocked),
            shops=", ".join(blocked),
        )
        return failed(
            "push_config", found, N_("Take the shop off the list of blocked shops in the marketplace's console.")
        )
    needed = facts.connector.needed_push_codes if isinstance(facts.connector, PushesToUs) else frozenset()
    missing = missing_codes(needed, config)
    if missing:
        found = N_("Switched off, but needed: %(codes)s.", codes=_names(facts, missing))
        return failed("push_config", found, _REGISTER)
    told = [N_("Our address, with every code that is needed.")]
    if extra := sorted(set(config.codes_on) - needed):
        more = {"number": len(extra), "codes": ", ".join(str(code) for code in extra)}
        told.append(N_("Also on, and harmless: %(number)s more (%(codes)s).", **more))
    if absent := sorted(needed - set(config.codes_on)):
        told.append(N_("Not offered to this kind of app: %(codes)s.", codes=_names(facts, absent)))
    return passed("push_config", joined(" ", told))


def _judge_status(config: PushConfig) -> Check:
    if config.status is PushStatus.NORMAL:
        return passed("push_status", N_("Normal."))
    if config.status is PushStatus.SUSPENDED:
        fix = N_("Make sure first that pushes reach us, then lift it: %(how)s", how=_REGISTER)
        return failed("push_status", _tell_suspension(config), fix)
    if config.status is PushStatus.WARNING:
        fix = N_("Mend what answers pushes badly; the marketplace suspends them if it goes on.")
        return warning("push_status", N_("Warning: too many of our answers were bad."), fix)
    found = N_("The marketplace says %(status)s, which we do not know.", status=config.stated_status or N_("nothing"))
    return warning("push_status", found, N_("Look at the push page of the marketplace's console."))


def _tell_suspension(config: PushConfig) -> str:
    if config.suspended_at is None:
        return N_("Suspended: nothing is pushed, and nothing is sent later.")
    since = f"{config.suspended_at:%Y-%m-%d %H:%M}"
    return N_("Suspended since %(since)s UTC: nothing is pushed, and nothing is sent later.", since=since)


async def check_loopback(parts: Parts, facts: Facts) -> Sequence[Check]:
    """Send ourselves what the marketplace would send, by the way it would come; nowhere else, and never redirected."""
    if not isinstance(facts.connector, PushesToUs):
        found = N_("%(label)s has no harmless push to try it with.", label=facts.connector.label)
        return [not_applicable("loopback", found)]
    if facts.push_key is None:
        return [failed("loopback", facts.push_key_problem, N_("Enter the push key on this environment's tab."))]
    if facts.app is None:
        return [not_tried("loopback", why_not(facts))]
    url = webhook_urls(parts.settings, facts.connector.name, facts.environment)[0]
    path = webhook_paths(facts.connector.name, facts.environment)[0]
    push = facts.connector.sign_probe(facts.push_key.key, url, parts.clock.now())
    ourselves = replace(facts.app.credentials, api_url=parts.settings.public_url)
    try:
        answer = await parts.http.send(ourselves, "POST", path, (), json=push.body, headers=push.headers)
    except KedaiError:
        return [failed("loopback", N_("%(url)s did not answer.", url=url), _OPEN_OUR_ADDRESS)]
    if answer.status == HTTPStatus.OK and not answer.body:
        return [passed("loopback", N_("%(url)s took a signed push.", url=url))]
    if answer.status == HTTPStatus.OK:
        found = N_("%(url)s answered 200 with a body, which the marketplace takes for a failure.", url=url)
    else:
        found = N_("%(url)s answered %(status)s.", url=url, status=answer.status)
    return [failed("loopback", found, _OPEN_OUR_ADDRESS)]


async def check_queue(_parts: Parts, facts: Facts) -> Sequence[Check]:
    """What is parked waits on purpose; what was received must not wait."""
    parked = [N_("%(events)s parked, which is no obstacle.", events=_count(facts.parked))] if facts.parked else []
    if facts.overdue.waiting:
        fix = N_(
            "Look whether “kedai serve” or “kedai worker” runs, and on the pages Events and Exceptions why "
            "they wait. Events of a paused shop wait until it is resumed."
        )
        return [failed("queue", joined(" ", [_tell_overdue(facts.overdue), *parked]), fix)]
    return [passed("queue", joined(" ", [N_("Nothing waits."), *parked]))]


def _tell_overdue(overdue: Queue) -> str:
    events, oldest = _count(overdue.waiting), overdue.oldest_received_at
    if oldest is None:
        return N_("%(events)s waiting for more than a minute.", events=events)
    since = f"{oldest:%Y-%m-%d %H:%M}"
    return N_("%(events)s waiting for more than a minute, the oldest since %(since)s UTC.", events=events, since=since)


def _count(number: int) -> str:
    if number >= COUNTED:
        return N_("%(number)s+ events", number=number)
    return NP_("%(num)s event", "%(num)s events", number)


def _names(facts: Facts, codes: Iterable[int]) -> str:
    return ", ".join(f"{facts.connector.name_push(code)} ({code})" for code in codes)
