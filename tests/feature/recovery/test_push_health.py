"""F40: pushes that the marketplace withholds are noticed, made up for meanwhile, and made up for afterwards."""

from __future__ import annotations

from datetime import timedelta

import sqlalchemy as sa

from kedai.coverage.models import PushHealth
from kedai.inbox.models import RejectedCount
from kedai.sync import backfill, push_health, reconcile
from kedai.sync.runner import run_next
from kedai.sync.urls import webhook_urls
from kedai.values.environment import Environment
from tests.support.stall import SHOPEE, Stall

EVERY = push_health.EVERY


def look(stall: Stall, environment: Environment = Environment.SANDBOX) -> str:
    """Ask once, without what follows from it; what the run says."""
    stall.begin(push_health.KIND, environment)
    stall.ask(lambda: run_next(stall.parts, kind=push_health.KIND))
    last = stall.runs(push_health.KIND)[-1]
    assert last.state == "succeeded", last.note
    return last.note


def say(stall: Stall, status: str, environment: Environment = Environment.SANDBOX) -> None:
    market = stall.market(environment)
    market.control("POST", f"/apps/{market.app['partner_id']}", {"push_status": status})


def register(stall: Stall, environment: Environment = Environment.SANDBOX) -> None:
    """Our address is registered; nothing is sent to it, since it is nowhere."""
    stall.market(environment).settings(event_pushes=False)
    stall.market(environment).push_to(webhook_urls(stall.parts.settings, SHOPEE, environment)[0])


def health(stall: Stall, environment: Environment = Environment.SANDBOX) -> PushHealth:
    with stall.db.read() as db:
        return db.execute(sa.select(PushHealth).where(PushHealth.environment == environment)).scalar_one()


def test_the_status_is_kept_with_since_when(stall: Stall) -> None:
    register(stall)
    assert look(stall) == "normal"
    since = health(stall).since
    stall.clock.advance(EVERY)
    look(stall)
    assert (health(stall).status, health(stall).since) == ("normal", since)
    assert health(stall).checked_at > since
    say(stall, "Suspended")
    suspended_at = stall.now
    stall.clock.advance(EVERY)
    assert look(stall) == "suspended"
    assert (health(stall).status, abs(health(stall).since - suspended_at) < timedelta(seconds=5)) == ("suspended", True)


def test_one_exception_tells_it_once_and_again_when_it_comes_back(stall: Stall) -> None:
    register(stall)
    look(stall)
    for status in ("Warning", "Warning", "Suspended", "Suspended"):
        say(stall, status)
        stall.clock.advance(EVERY)
        look(stall)
    (trouble,) = stall.exceptions()
    assert (trouble.code, trouble.count, trouble.environment) == ("push_health", 2, Environment.SANDBOX)
    assert "switched its pushes to us off" in trouble.title


def test_while_it_is_bad_orders_are_reconciled_at_each_look_and_not_at_all_while_it_is_well(stall: Stall) -> None:
    register(stall)
    look(stall)
    assert stall.runs(reconcile.KIND) == []
    say(stall, "Suspended")
    for number in range(1, 4):
        stall.clock.advance(EVERY + timedelta(seconds=1))
        order = stall.market().create_order(status="READY_TO_SHIP")["order_sn"]
        stall.clock.advance(timedelta(seconds=2))
        look(stall)
        stall.run_to_end()
        assert len(stall.runs(reconcile.KIND)) == number
        assert order in stall.orders()


def test_when_it_is_well_again_everything_from_the_last_sound_moment_is_read_anew_once(stall: Stall) -> None:
    register(stall)
    look(stall)
    sound = stall.now
    stall.clock.advance(EVERY)
    say(stall, "Suspended")
    for _ in range(2):
        stall.clock.advance(timedelta(hours=1))
        look(stall)
    say(stall, "Normal")
    for _ in range(2):
        stall.clock.advance(EVERY)
        look(stall)
    run = stall.run(backfill.KIND)
    assert run.scope["shop_id"] == stall.scope().shop_id
    assert run.scope["since"] <= sound.isoformat()
    stall.run_to_end()
    assert stall.run(backfill.KIND).state == "succeeded"
    assert "backfill" in {one.source for one in stall.covered()}


def test_only_the_active_environment_is_made_up_for_and_both_are_asked(stall: Stall) -> None:
    stall.prepare(Environment.LIVE)
    say(stall, "Suspended", Environment.LIVE)
    look(stall, Environment.LIVE)
    say(stall, "Normal", Environment.LIVE)
    look(stall, Environment.LIVE)
    assert health(stall, Environment.LIVE).status == "normal"
    assert stall.runs(reconcile.KIND) == []
    assert stall.runs(backfill.KIND) == []
    assert [one.state for one in stall.exceptions()] == ["resolved"]
    assert [one.environment for one in stall.exceptions()] == [Environment.LIVE]


def pushed(stall: Stall) -> list[timedelta]:
    return [one.covered_until - one.covered_from for one in stall.covered() if one.source == "push"]


def test_pushes_cover_the_time_between_two_looks_at_which_all_was_well(stall: Stall) -> None:
    register(stall)
    for _ in range(4):
        look(stall)
        stall.clock.advance(EVERY)
    (span,) = pushed(stall)
    assert 3 * EVERY <= span < 3 * EVERY + timedelta(minutes=1)
    say(stall, "Suspended")
    look(stall)
    assert pushed(stall) == [span]


def test_pushes_cover_nothing_while_another_address_is_registered(stall: Stall) -> None:
    register(stall)
    stall.market().push_to("http://127.0.0.1:9/elsewhere")
    look(stall)
    stall.clock.advance(EVERY)
    assert look(stall) == "normal, but not everything is pushed to us: run the checks"
    assert pushed(stall) == []


def test_pushes_cover_nothing_while_nobody_looked_or_deliveries_were_refused(stall: Stall) -> None:
    register(stall)
    look(stall)
    stall.clock.advance(timedelta(hours=2))
    look(stall)
    assert pushed(stall) == []
    stall.clock.advance(EVERY / 2)
    with stall.db.write() as db:
        key = {"connector": SHOPEE, "environment": Environment.SANDBOX, "reason": "mismatch"}
        db.add(RejectedCount(**key, count=1, last_at=stall.now))
    stall.clock.advance(EVERY / 2)
    look(stall)
    assert pushed(stall) == []
    stall.clock.advance(EVERY)
    look(stall)
    assert len(pushed(stall)) == 1
