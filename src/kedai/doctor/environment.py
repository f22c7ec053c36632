"""One environment of a marketplace: what is stored of it, and, if it may be asked, the checks of going live."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any, Final

from sqlalchemy.orm import Session

from kedai.coverage.queries import find_push_health
from kedai.doctor.finding import Finding, State, finding, of_check, passed, skipped
from kedai.errors import KedaiError, Sealed
from kedai.runs.queries import find_latest_run
from kedai.runs.timing import ScheduleState
from kedai.runtime import Runtime
from kedai.sync import lost_pushes
from kedai.sync.connection import ConnectionView, ShopView, get_connection
from kedai.sync.preflight.findings import TITLES
from kedai.sync.preflight.run import run_checks
from kedai.sync.schedule_view import read_schedules
from kedai.values.environment import ConnectorName, Environment
from kedai.values.wording import N_, joined

ASKED_SECONDS: Final = 10.0
"""All that a marketplace is asked, side by side, within this time."""

_TOKEN_ENDS_SOON: Final = timedelta(days=7)
_LOST_TOKENS: Final = frozenset({"dead", "foreign", "unreadable"})
_UP: Final = frozenset({ScheduleState.UP, ScheduleState.RUNNING, ScheduleState.NEW})


@dataclass(frozen=True, slots=True)
class Place:
    """One environment of one marketplace, and the page where it is set up."""

    connector: ConnectorName
    environment: Environment

    @property
    def page(self) -> str:
        return f"/connectors/{self.connector}?tab={self.environment.value}"

    @property
    def runs_page(self) -> str:
        return f"/e/{self.environment.value}/runs"


async def look_at_environment(runtime: Runtime, place: Place, *, offline: bool) -> list[Finding]:
    """Everything of one environment, not yet placed `within` it; with ``offline`` nobody outside is asked."""
    view = await runtime.parts.read(lambda db: _find_used(runtime, db, place))
    if view is None:
        why = N_("Not set up, and not the active environment: there is nothing to look at.")
        return [skipped("configuration", why)]
    stored = await runtime.parts.read(lambda db: _look_at_stored(runtime, db, place, view, offline=offline))
    return [*await _ask(runtime, place, offline=offline), *stored]


def _find_used(runtime: Runtime, db: Session, place: Place) -> ConnectionView | None:
    view = get_connection(runtime.parts, db, place.connector, place.environment)
    is_touched = bool(view.partner_id or view.partner_key.set or view.push_partner_key.set or view.shops)
    return view if is_touched or view.active_environment is place.environment else None


async def _ask(runtime: Runtime, place: Place, *, offline: bool) -> list[Finding]:
    """The checks of going live; those that need the network are skipped where it may not be used."""
    bounds: dict[str, Any] = {"deadline_seconds": ASKED_SECONDS, "stored_only": offline}
    try:
        report = await run_checks(runtime.parts, place.connector, place.environment, **bounds)
    except Sealed as error:
        fix = N_("Confirm that this installation belongs here, or let it rest: nothing is asked until then.")
        return [finding("configuration", State.WARN, error.message, fix, go="/quarantine")]
    except KedaiError as error:
        fix = N_("Open the environment's page: it says what is missing.")
        return [finding("configuration", State.FAIL, error.message, fix, go=place.page)]
    found = [of_check(one, place.page) for one in report.checks]
    known = {one.id for one in found}
    left_out = [name for name in TITLES if name not in known and not (offline and name == "push_status")]
    return [*found, *(skipped(name, N_("Not asked this time.")) for name in left_out)]


def _look_at_stored(
    runtime: Runtime, db: Session, place: Place, view: ConnectionView, *, offline: bool
) -> list[Finding]:
    found = [*_judge_tokens(runtime, view, place), _judge_lost(db, place), _judge_jobs(runtime, db, place)]
    return [*found, _judge_rating(db, place)] if offline else found


def _judge_tokens(runtime: Runtime, view: ConnectionView, place: Place) -> Iterator[Finding]:
    shops = [shop for shop in view.shops if shop.state in {"connected", "paused", "needs_reauth"}]
    if not shops:
        yield skipped("token_expiry", N_("No shop is connected."))
    for shop in shops:
        yield _judge_token(runtime, shop, place)


def _judge_token(runtime: Runtime, shop: ShopView, place: Place) -> Finding:
    told = partial(finding, subject=shop.shop_id)
    token, fix, go = shop.token, N_("Connect the shop again on this environment's tab."), f"{place.page}#shops"
    if shop.state == "needs_reauth" or token is None or token.state in _LOST_TOKENS:
        found = N_("It can no longer be renewed.") if token is not None else N_("There is none.")
        return told("token_expiry", State.FAIL, found, fix, go=go)
    end = token.refresh_expires_at
    found = N_(
        "Access until %(access_expires_at)s UTC, renewable until %(end)s (UTC).",
        access_expires_at=f"{token.access_expires_at:%Y-%m-%d %H:%M}",
        end=f"{end:%Y-%m-%d}",
    )
    if end - runtime.clock.now() < _TOKEN_ENDS_SOON:
        soon = N_("%(fix)s It should have been renewed by itself: look at the run “Keep tokens alive”.", fix=fix)
        return told("token_expiry", State.WARN, found, soon, go=go)
    return told("token_expiry", State.PASS, found)


def _judge_lost(db: Session, place: Place) -> Finding:
    """What the newest look for lost pushes found; asking anew would be a run's work."""
    run = find_latest_run(db, lost_pushes.KIND, place.connector, environment=place.environment)
    if run is None:
        why = N_("Nobody has looked yet: a worker does so every ten minutes where the environment is active.")
        return skipped("lost_messages", why)
    at = f"{run.finished_at or run.created_at:%Y-%m-%d %H:%M}"
    found = N_("%(at)s UTC: %(note)s.", at=at, note=N_(run.note or run.state))
    if run.state == "failed":
        fix = N_("Open the run: it says what stood in the way.")
        return finding("lost_messages", State.FAIL, found, fix, go=place.runs_page)
    if (run.cursor or {}).get("new", 0):
        fix = N_("They were fetched. Find out why they did not arrive: run the checks of this environment.")
        return finding("lost_messages", State.WARN, found, fix, go=place.page)
    return passed("lost_messages", found)


def _judge_jobs(runtime: Runtime, db: Session, place: Place) -> Finding:
    all_views = read_schedules(db, environments={place.environment}, now=runtime.clock.now())
    views = [one for one in all_views if one.connector == place.connector]
    by_state = {state: [one.label for one in views if one.state is state] for state in ScheduleState}
    down, late = by_state[ScheduleState.DOWN], by_state[ScheduleState.LATE]
    fix = N_("Is a worker alive? Each run says how it ended.")
    if down or late:
        told = [N_("%(names)s: down", names=joined(", ", down))] if down else []
        told += [N_("%(names)s: late", names=joined(", ", late))] if late else []
        state = State.FAIL if down else State.WARN
        return finding("last_jobs", state, N_("%(told)s.", told=joined("; ", told)), fix, go=place.runs_page)
    up = sum(len(by_state[state]) for state in _UP)
    if not up:
        why = N_("Nothing comes round here now.") if views else N_("No worker has made a schedule yet.")
        return skipped("last_jobs", why)
    return passed("last_jobs", N_("%(up)s as they should be, none late.", up=up))


def _judge_rating(db: Session, place: Place) -> Finding:
    """As it was when a worker last asked."""
    health = find_push_health(db, place.connector, place.environment)
    if health is None:
        return skipped("push_status", N_("Nobody has asked yet: a worker does so."))
    found = N_("When last asked: %(status)s.", status=health.status)
    if health.status == "normal":
        return passed("push_status", found)
    state = State.FAIL if health.status == "suspended" else State.WARN
    fix = N_("Make sure that pushes reach us, then press “Register pushes” on this environment's tab.")
    return finding("push_status", state, found, fix, go=place.page)


def places_of(runtime: Runtime, environments: Sequence[Environment]) -> list[Place]:
    """Every marketplace's environments among these."""
    return [Place(name, environment) for name in runtime.connectors for environment in sorted(environments)]
