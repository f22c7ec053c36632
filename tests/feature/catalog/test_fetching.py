"""Fetching what shops offer: a run for each, page by page, resumed where it stood; then what only orders name."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from kedai.catalog.models import ChannelListing
from kedai.db.database import refuse_open_transaction
from kedai.errors import Conflict, NeedsReconnect, RemoteUnavailable
from kedai.runs.models import Run
from kedai.sync import listings as fetching
from kedai.sync import runner
from kedai.values.environment import Environment
from kedai.values.listing import Listing
from kedai.values.order import Page
from kedai.values.secret import Secret
from tests.feature.catalog.mapping import listing, listings, map_to, run_all, see, skus_of, store
from tests.support.factories import (
    ANNA,
    FAKE,
    LIVE,
    SANDBOX,
    SHOP,
    FakeClient,
    FakeConnector,
    House,
    line,
    open_house,
    snapshot,
)

LONG_AGO = timedelta(days=400)
OFFERED: dict[str, list[Page[Listing] | BaseException]] = {}
"""What each shop answers, in turn."""


class OfferingClient(FakeClient):
    """Lists what `OFFERED` says."""

    async def list_listings(self, shop_id: str, _token: Secret, *, cursor: str | None) -> Page[Listing]:
        refuse_open_transaction()
        answer = OFFERED[shop_id][int(cursor or 0)]
        if isinstance(answer, BaseException):
            OFFERED[shop_id].remove(answer)
            raise answer
        return answer


class OfferingConnector(FakeConnector):
    """A marketplace that lists what shops offer."""

    def client(self, http: Any, credentials: Any, pacing: Any) -> OfferingClient:
        return OfferingClient(self._market, credentials, self._now)


@pytest.fixture
def shop(database_url: str, tmp_path: Path) -> Iterator[House]:
    """Connected in both environments, with two pages of products."""
    OFFERED.clear()
    OFFERED[SHOP] = [
        Page((listing("1", name="Mug", sku="KDI-1"), listing("2", "7", name="Tray", model_name="L")), "1"),
        Page((listing("2", "8", name="Tray", model_name="S"),), None),
    ]
    with open_house(database_url, tmp_path, connector=OfferingConnector) as house:
        for environment in Environment:
            house.configure(environment)
            house.connect(environment)
        yield house


def start(house: House, environment: Environment = SANDBOX) -> list[Run]:
    with house.db.write() as db:
        return fetching.start(house.parts, db, FAKE, environment, actor=ANNA, now=house.now)


def runs(house: House) -> list[Run]:
    with house.db.read() as db:
        return list(db.execute(sa.select(Run).where(Run.kind == fetching.KIND).order_by(Run.id)).scalars())


def test_every_page_is_noted_and_entries_stay_as_they_are(shop: House) -> None:
    see(shop, listing("1", name="Old name"))
    map_to(shop, "MINE-1")
    shop.clock.advance(LONG_AGO)
    shop.connect(SANDBOX)
    start(shop)
    run_all(shop)
    (run,) = runs(shop)
    assert (run.state, run.done, run.environment) == ("succeeded", 3, SANDBOX)
    told = {f"{one.item_id}/{one.model_id}": (one.name, one.model_name, one.channel_sku) for one in listings(shop)}
    assert told == {"1/0": ("Mug", "", "KDI-1"), "2/7": ("Tray", "L", ""), "2/8": ("Tray", "S", "")}
    assert skus_of(shop)["1/0"] == "MINE-1"
    assert {one.last_seen_at for one in listings(shop)} == {shop.now}
    assert listings(shop, LIVE) == []


def test_products_that_only_orders_name_are_noted_too_and_none_is_named_anew_by_an_old_order(
    shop: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "_LINES_AT_ONCE", 2)
    lines = (line("1", name="Its name of then"), line("55", name="Gone"), line("56"))
    store(shop, snapshot("O1", lines=lines), snapshot("O2", lines=(line("57"),)))
    start(shop)
    run_all(shop)
    assert set(skus_of(shop)) == {"1/0", "2/7", "2/8", "55/0", "56/0", "57/0"}
    assert next(one.name for one in listings(shop) if one.item_id == "1") == "Mug"
    assert runs(shop)[0].state == "succeeded"


def test_a_run_that_died_goes_on_where_it_stood(shop: House) -> None:
    class Killed(BaseException):
        """The power went."""

    OFFERED[SHOP].insert(1, Killed())
    start(shop)
    with pytest.raises(Killed):
        run_all(shop)
    assert len(listings(shop)) == 2
    OFFERED[SHOP][0] = RuntimeError("asked twice")
    shop.execute(sa.update(Run).values(lease_until=datetime.fromisoformat("2000-01-01T00:00:00+00:00")))
    run_all(shop)
    assert (runs(shop)[0].state, runs(shop)[0].attempts, len(listings(shop))) == ("succeeded", 0, 3)


def test_a_marketplace_that_is_away_is_waited_for(shop: House) -> None:
    OFFERED[SHOP].insert(0, RemoteUnavailable())
    start(shop)
    asyncio.run(runner.run_next(shop.parts))
    assert (runs(shop)[0].state, runs(shop)[0].attempts) == ("running", 0)
    shop.execute(sa.update(Run).values(due_at=shop.now))
    run_all(shop)
    assert runs(shop)[0].state == "succeeded"


def test_a_lost_token_waits_for_a_person(shop: House) -> None:
    OFFERED[SHOP].insert(0, NeedsReconnect())
    start(shop)
    asyncio.run(runner.run_next(shop.parts))
    assert (runs(shop)[0].state, "connected again" in runs(shop)[0].note) == ("running", True)


def test_each_connected_shop_gets_one_run_at_a_time_in_either_environment(shop: House) -> None:
    for shop_id, state in (("7002", "connected"), ("7003", "paused"), ("7004", "needs_reauth")):
        shop.connect(LIVE, shop_id, state=state)
    assert sorted(run.scope["shop_id"] for run in start(shop, LIVE)) == [SHOP, "7002"]
    with pytest.raises(Conflict):
        start(shop, LIVE)
    OFFERED["7002"] = [Page((listing("9"),), None)]
    run_all(shop)
    assert {one.shop_id for one in listings(shop, LIVE)} == {SHOP, "7002"}
    assert len(start(shop, LIVE)) == 2


def test_without_a_connected_shop_there_is_nothing_to_fetch(shop: House) -> None:
    shop.execute(sa.text("UPDATE shop SET state = 'paused'"))
    with pytest.raises(Conflict):
        start(shop)


def test_a_shop_that_is_disconnected_meanwhile_is_not_asked(shop: House) -> None:
    start(shop)
    shop.execute(sa.text("UPDATE shop SET state = 'disconnected'"))
    run_all(shop)
    assert (runs(shop)[0].state, listings(shop)) == ("cancelled", [])


def test_a_list_with_the_same_listing_twice_is_noted_once(shop: House) -> None:
    OFFERED[SHOP] = [Page((listing("1", name="A"), listing("1", name="B")), None)]
    start(shop)
    run_all(shop)
    assert shop.scalar(sa.select(sa.func.count()).select_from(ChannelListing)) == 1
