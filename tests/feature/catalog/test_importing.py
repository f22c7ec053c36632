"""A file of SKUs: a plan that says what each line would do, then all of it or nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from kedai.audit.models import AuditEntry
from kedai.catalog.importing import Effect
from kedai.catalog.queries import Wish
from kedai.errors import Invalid, Stale
from kedai.sync import sku_import
from kedai.values.environment import Environment
from tests.feature.catalog.mapping import (
    listing,
    listings,
    map_to,
    map_version,
    preview,
    run_import,
    see,
    skus_of,
)
from tests.support.factories import FAKE, LIVE, SANDBOX, SHOP, House

FILE = "item_id,model_id,sku\n1,,A\n2,7,B\n3,,\n"


def exported(house: House, environment: Environment = SANDBOX, wish: Wish | None = None) -> str:
    return b"".join(sku_import.export(house.db, FAKE, environment, wish or Wish())).decode()


def test_a_preview_says_what_each_line_would_do_and_changes_nothing(shop: House) -> None:
    see(shop, listing("1"), listing("2", "7"), listing("3"), listing("4"))
    run_import(shop, "item_id,model_id,sku\n2,7,OLD\n4,,D\n")
    plan = preview(shop, FILE + "4,,D\n5,,E\n")
    assert [(one.number, one.effect, one.before, one.entry.sku, one.seen) for one in plan.lines] == [
        (2, Effect.NEW, None, "A", True),
        (3, Effect.CHANGED, "OLD", "B", True),
        (4, Effect.BLANK, None, None, True),
        (5, Effect.SAME, "D", "D", True),
        (6, Effect.NEW, None, "E", False),
    ]
    assert plan.counts == {"new": 2, "changed": 1, "same": 1, "blank": 1, "problems": 0}
    assert plan.unseen == 1
    assert skus_of(shop) == {"1/0": None, "2/7": "OLD", "3/0": None, "4/0": "D"}


def test_the_same_file_again_changes_nothing_at_all(shop: House) -> None:
    see(shop, listing("1"))
    assert run_import(shop, FILE).counts["new"] == 2
    stands, version = [(one.id, one.sku, one.sku_version, one.sku_set_at) for one in listings(shop)], map_version(shop)
    shop.clock.advance(timedelta(minutes=1))
    again = run_import(shop, FILE)
    assert again.counts == {"new": 0, "changed": 0, "same": 2, "blank": 1, "problems": 0}
    assert [(one.id, one.sku, one.sku_version, one.sku_set_at) for one in listings(shop)] == stands
    assert map_version(shop) == version
    assert shop.scalar(sa.select(sa.func.count()).where(AuditEntry.action == "sku.imported")) == 1


def test_a_listing_that_no_shop_has_shown_yet_is_kept_with_its_name_and_marked(shop: House) -> None:
    run_import(shop, "item_id,name,sku\n77,Mug,M-1\n")
    (row,) = listings(shop)
    assert (row.name, row.sku, row.last_seen_at) == ("Mug", "M-1", None)
    see(shop, listing("77", name="Enamel mug"))
    (row,) = listings(shop)
    assert (row.name, row.sku, row.last_seen_at) == ("Enamel mug", "M-1", shop.now)


BAD_LINES = (
    ("sandbox,9999,1,A", "There is no shop 9999 in sandbox."),
    ("live,,1,A", "It is of live, and this is sandbox."),
    ("prod,,1,A", "It is of prod, and this is sandbox."),
    (",,1," + "A" * 101, "at most 100 characters"),
    (',,1,"A\nB"', "no line breaks"),
    (",,8,X", "Line 2 maps the same listing to another SKU."),
)


def test_one_line_that_makes_no_sense_stops_the_whole_file(shop: House) -> None:
    for line, told in BAD_LINES:
        text = f"environment,shop_id,item_id,sku\n,,8,H\n,,9,I\n{line}\n"
        (problem,) = preview(shop, text).problems
        assert (problem.line, told in problem.text) == (4, True), problem
        with pytest.raises(Invalid, match="Nothing was imported") as refused:
            run_import(shop, text)
        assert "Line 4" in refused.value.message
        assert (listings(shop), map_version(shop)) == ([], 0)


def test_a_line_that_names_no_shop_means_the_only_one_or_the_one_that_was_chosen(shop: House) -> None:
    shop.connect(SANDBOX, "7002")
    (problem,) = preview(shop, "item_id,sku\n1,A\n").problems
    assert problem.text == "shop_id is blank, and there are several shops."
    run_import(shop, "shop_id,item_id,sku\n,1,A\n7002,1,B\n", shop_id=SHOP)
    assert {(one.shop_id, one.sku) for one in listings(shop)} == {(SHOP, "A"), ("7002", "B")}
    with pytest.raises(Invalid, match="no shop 5"):
        run_import(shop, "item_id,sku\n1,A\n", shop_id="5")


def test_a_map_that_somebody_changed_after_the_preview_is_not_overwritten(shop: House) -> None:
    see(shop, listing("1"))
    seen = map_version(shop)
    map_to(shop, "THEIRS")
    with pytest.raises(Stale):
        run_import(shop, FILE, version=seen)
    assert skus_of(shop) == {"1/0": "THEIRS"}
    run_import(shop, FILE, version=map_version(shop))
    assert skus_of(shop)["1/0"] == "A"


def test_a_death_in_the_middle_leaves_nothing_behind(shop: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def die(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("the power went")

    monkeypatch.setattr(sku_import, "record", die)
    with pytest.raises(RuntimeError):
        run_import(shop, FILE)
    assert (listings(shop), map_version(shop)) == ([], 0)


def test_an_export_is_an_import_that_changes_nothing(shop: House) -> None:
    """T33: what is quoted for spreadsheets is read back as it was."""
    odd = listing("2", "7", name='"quoted", and\r\nbroken', model_name="=1+1", sku="-x")
    see(shop, listing("1", name="@sum"), odd, listing("3"))
    run_import(shop, "item_id,model_id,sku\n1,,'=A\n2,7,+B\n")
    assert skus_of(shop) == {"1/0": "=A", "2/7": "+B", "3/0": None}, "what a guard hides comes out"
    text = exported(shop)
    assert text.splitlines()[0] == "environment,shop_id,item_id,model_id,name,model_name,channel_sku,sku"
    assert "'=A" in text
    assert "'@sum" in text
    assert run_import(shop, text).counts == {"new": 0, "changed": 0, "same": 2, "blank": 1, "problems": 0}
    assert exported(shop) == text
    assert len(exported(shop, wish=Wish(mapped=False)).splitlines()) == 2


def test_an_export_of_one_environment_is_refused_by_the_other(shop: House) -> None:
    """T14: each line says whose it is."""
    see(shop, listing("1"))
    map_to(shop, "A")
    plan = preview(shop, exported(shop), LIVE)
    assert (plan.counts["problems"], plan.lines) == (1, ())
    assert exported(shop, LIVE).splitlines()[1:] == []


def test_an_export_is_written_piece_by_piece_and_whole(shop: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kedai.catalog.queries._ROWS_AT_ONCE", 2)
    see(shop, *(listing(str(number)) for number in range(5)))
    pieces = list(sku_import.export(shop.db, FAKE, SANDBOX, Wish()))
    assert len(pieces) == 4
    assert len(b"".join(pieces).splitlines()) == 6


def test_a_large_file_is_told_in_the_trail_in_pieces(shop: House) -> None:
    text = "item_id,sku\n" + "".join(f"{number},S-{number}\n" for number in range(1, 121))
    run_import(shop, text)
    statement = sa.select(AuditEntry).where(AuditEntry.action == "sku.imported")
    with shop.db.read() as db:
        told = [len(one.details["changes"]) for one in db.execute(statement).scalars()]
    assert sorted(told) == [20, 50, 50]
    assert len(skus_of(shop)) == 120
