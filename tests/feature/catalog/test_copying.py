"""One environment's map given to the other: by look, since ids differ, after a preview, and never over what stands."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from kedai.audit.models import AuditEntry
from kedai.errors import Invalid, Stale
from kedai.sync import sku_copy
from kedai.sync.sku_copy import CopyPlan
from tests.feature.catalog.mapping import demand, listing, map_to, run_import, see, skus_of, store
from tests.support.factories import ANNA, FAKE, LIVE, SANDBOX, SHOP, House, line, snapshot


def plan(house: House) -> CopyPlan:
    with house.db.read() as db:
        return sku_copy.plan_copy(db, FAKE, source=SANDBOX, target=LIVE)


def copy(house: House, tag: str) -> int:
    with house.db.write() as db:
        return sku_copy.copy(db, FAKE, source=SANDBOX, target=LIVE, tag=tag, actor=ANNA, now=house.now)


@pytest.fixture
def pair(shop: House) -> House:
    """Mapped products in the sandbox, and those of live under other ids."""
    see(shop, listing("1", name="Mug", sku="KDI-1"), listing("2", "7", name="Tray", model_name="Large", sku="KDI-2"))
    see(shop, listing("3", name="Bag"), listing("4", name="Bag"), listing("5", name="Cup", sku="KDI-5"))
    run_import(shop, "item_id,model_id,sku\n1,,MINE-1\n2,7,MINE-2\n3,,BAG-A\n4,,BAG-B\n5,,MINE-5\n")
    see(shop, listing("91", name=" mug ", sku="kdi-1"), environment=LIVE)
    see(shop, listing("92", "97", name="Tray", model_name="Small", sku="KDI-2"), environment=LIVE)
    see(shop, listing("93", name="Bag"), listing("95", name="Cup", sku="KDI-5"), environment=LIVE)
    map_to(shop, "STAYS", "95", LIVE)
    return shop


def test_what_looks_the_same_matches_and_the_rest_is_told_why(pair: House) -> None:
    found = plan(pair).matched
    assert [(one.target.item_id, one.source.sku) for one in found.matches] == [("91", "MINE-1")]
    assert {one.target.item_id: one.reason.split(",")[0] for one in found.unmatched} == {
        "92": "Nothing there has its name",
        "93": "Several there look like it",
    }
    assert skus_of(pair, LIVE)["91/0"] is None


def test_what_matched_is_copied_and_ends_what_waited_for_it(pair: House) -> None:
    demand(pair, LIVE)
    store(pair, snapshot("L1", lines=(line("91"),)), environment=LIVE)
    assert copy(pair, plan(pair).tag) == 1
    assert skus_of(pair, LIVE) == {"91/0": "MINE-1", "92/97": None, "93/0": None, "95/0": "STAYS"}
    assert skus_of(pair)["1/0"] == "MINE-1"
    assert [(one.environment, one.state) for one in pair.exceptions()] == [(LIVE, "resolved")]
    with pair.db.read() as db:
        told = db.execute(sa.select(AuditEntry).where(AuditEntry.action == "sku.copied")).scalars().one()
    assert (told.environment, told.details) == (
        LIVE,
        {"from": "sandbox", "changes": [{"listing": f"{SHOP}/91/0", "to": "MINE-1"}]},
    )
    with pytest.raises(Invalid):
        copy(pair, plan(pair).tag)


@pytest.mark.parametrize("environment", [SANDBOX, LIVE])
def test_a_map_that_was_changed_after_the_preview_is_looked_at_anew(pair: House, environment: object) -> None:
    tag = plan(pair).tag
    map_to(pair, "NEWER", "5" if environment is SANDBOX else "95", SANDBOX if environment is SANDBOX else LIVE)
    with pytest.raises(Stale):
        copy(pair, tag)
    assert skus_of(pair, LIVE)["91/0"] is None


def test_more_than_a_person_can_look_at_is_refused(pair: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sku_copy, "MOST_LISTINGS", 2)
    with pytest.raises(Invalid, match="export and import"):
        plan(pair)
