"""Sandbox and live compared field by field, and settings copied across without overwriting anything newer."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

import pytest
import sqlalchemy as sa

from kedai.audit.models import AuditEntry
from kedai.errors import Invalid, NotFound, Stale
from kedai.sync.parity import CopyPlan, Parity, Verdict, compare, copy, plan_copy
from kedai.values.environment import ConnectorName, Environment
from kedai.vault.queries import get_credentials
from tests.support.factories import ANNA, COMPLETE, COMPLETE_LIVE, FAKE, LIVE, SANDBOX, House, open_house

OTHER_KEYS = "k2:" + base64.b64encode(hashlib.sha256(b"another key for tests").digest()).decode()


def compared(house: House) -> Parity:
    with house.db.read() as db:
        return compare(house.parts, db, FAKE)


def verdicts(house: House) -> dict[str, Verdict]:
    return {one.name: one.verdict for one in compared(house).fields}


def planned(house: House, source: Environment = SANDBOX, target: Environment = LIVE) -> CopyPlan:
    with house.db.read() as db:
        return plan_copy(house.parts, db, FAKE, source=source, target=target)


def copied(house: House, *fields: str, tag: str, source: Environment = SANDBOX) -> tuple[str, ...]:
    with house.db.write() as db:
        return copy(
            house.parts,
            db,
            FAKE,
            source=source,
            target=source.other,
            fields=fields,
            tag=tag,
            actor=ANNA,
            now=house.now,
        )


def stored(house: House, environment: Environment) -> dict[str, str | None]:
    with house.db.read() as db:
        row = get_credentials(db, FAKE, environment)
        return {name: getattr(row, name) for name in ("region", "default_location_id", "default_shipping_option_id")}


def test_virgin_environments_compare(house: House) -> None:
    assert verdicts(house) == {
        "partner_id": Verdict.NEITHER,
        "partner_key": Verdict.NEITHER,
        "push_partner_key": Verdict.NEITHER,
        "shop_id": Verdict.NEITHER,
        "region": Verdict.SAME,
        "host": Verdict.DIFFERS_AS_IT_SHOULD,
        "default_location_id": Verdict.NEITHER,
        "default_shipping_option_id": Verdict.NEITHER,
    }


def test_each_field_gets_its_verdict(house: House) -> None:
    house.configure(SANDBOX, **{**COMPLETE, "default_location_id": "LOC1"})
    house.configure(LIVE, **{**COMPLETE_LIVE, "region": "MY", "default_shipping_option_id": "9"})
    assert verdicts(house) == {
        "partner_id": Verdict.DIFFERS_AS_IT_SHOULD,
        "partner_key": Verdict.DIFFERS_AS_IT_SHOULD,
        "push_partner_key": Verdict.DIFFERS_AS_IT_SHOULD,
        "shop_id": Verdict.SAME_BUT_SHOULD_DIFFER,
        "region": Verdict.DIFFERENT,
        "host": Verdict.DIFFERS_AS_IT_SHOULD,
        "default_location_id": Verdict.ONLY_SANDBOX,
        "default_shipping_option_id": Verdict.ONLY_LIVE,
    }


def test_same_secret_in_both_shows_by_its_fingerprint_and_no_part_of_it_does(house: House) -> None:
    house.configure(SANDBOX)
    house.configure(LIVE, **{**COMPLETE_LIVE, "partner_key": COMPLETE["partner_key"]})
    pairs = {one.name: one for one in compared(house).fields}
    same, other = pairs["partner_key"], pairs["push_partner_key"]
    assert same.verdict is Verdict.SAME_BUT_SHOULD_DIFFER
    assert same.texts[SANDBOX] == same.texts[LIVE]
    assert other.texts[SANDBOX] != other.texts[LIVE]
    for pair in (same, other):
        for environment, given in ((SANDBOX, COMPLETE), (LIVE, COMPLETE_LIVE)):
            text = pair.texts[environment] or ""
            assert len(text) == 8
            assert text not in hashlib.sha256(given[pair.name].encode()).hexdigest(), "keyed, never a plain hash"
            assert given[pair.name] not in repr(pair)


def test_fingerprints_of_two_installations_tell_nothing_of_each_other(house: House, tmp_path: Path) -> None:
    house.configure(SANDBOX)
    with open_house(f"sqlite:///{_fresh(tmp_path)}", tmp_path / "other") as other:
        other.configure(SANDBOX)
        here, there = (compared(one).fields[1].texts[SANDBOX] for one in (house, other))
    assert here != there


def _fresh(tmp_path: Path) -> Path:
    from kedai import migrations

    (tmp_path / "other").mkdir()
    migrations.upgrade(f"sqlite:///{tmp_path / 'other' / 'kedai.sqlite3'}")
    return tmp_path / "other" / "kedai.sqlite3"


def test_unreadable_secret_is_said_and_stops_nothing(house: House, tmp_path: Path) -> None:
    house.configure(SANDBOX)
    with open_house(house.url, tmp_path, master_keys=OTHER_KEYS) as unfit:
        found = verdicts(unfit)
    assert found["partner_key"] is Verdict.UNREADABLE
    assert found["region"] is Verdict.DIFFERENT


def test_preview_offers_only_settings_that_mean_the_same_in_both(house: House) -> None:
    house.configure(SANDBOX, **{**COMPLETE, "default_location_id": "LOC1"})
    house.configure(LIVE, **COMPLETE_LIVE, default_shipping_option_id="9")
    house.configure(LIVE, region="MY")
    plan = planned(house)
    assert [(one.name, one.before, one.after) for one in plan.changes] == [
        ("region", "MY", "SG"),
        ("default_location_id", None, "LOC1"),
    ]
    back = planned(house, LIVE, SANDBOX)
    assert [one.name for one in back.changes] == ["region", "default_shipping_option_id"]


def test_copy_takes_the_named_fields_and_leaves_a_trail(house: House) -> None:
    house.configure(SANDBOX, **{**COMPLETE, "default_location_id": "LOC1"})
    plan = planned(house)
    assert copied(house, "default_location_id", tag=plan.tag) == ("default_location_id",)
    assert stored(house, LIVE) == {
        "region": "GLOBAL",
        "default_location_id": "LOC1",
        "default_shipping_option_id": None,
    }
    chosen = sa.select(AuditEntry).where(AuditEntry.action == "credentials.copy")
    with house.db.read() as db:
        (entry,) = db.execute(chosen).scalars()
    assert (entry.environment, entry.actor_name) == (LIVE, ANNA.name)
    assert entry.details == {
        "from": "sandbox",
        "to": "live",
        "fields": ["default_location_id"],
        "preview": plan.tag,
    }


@pytest.mark.parametrize("edited", Environment)
def test_nothing_is_overwritten_that_changed_after_the_preview(house: House, edited: Environment) -> None:
    """Compare the tag in `sync.parity.copy`: without it the newer value is lost."""
    house.configure(SANDBOX, default_location_id="LOC1")
    plan = planned(house)
    house.configure(edited, default_location_id="NEWER")
    before = stored(house, LIVE)
    with pytest.raises(Stale):
        copied(house, "default_location_id", tag=plan.tag)
    assert stored(house, LIVE) == before


@pytest.mark.parametrize("fields", [(), ("partner_key",), ("partner_id",), ("host",), ("region", "nothing")])
def test_what_the_preview_does_not_show_cannot_be_copied(house: House, fields: tuple[str, ...]) -> None:
    house.configure(SANDBOX)
    with pytest.raises(Invalid):
        copied(house, *fields, tag=planned(house).tag)
    assert stored(house, LIVE)["region"] == "GLOBAL"


def test_an_environment_is_not_copied_onto_itself(house: House) -> None:
    with pytest.raises(Invalid):
        planned(house, SANDBOX, SANDBOX)


def test_unknown_marketplace_is_not_found(house: House) -> None:
    with house.db.read() as db, pytest.raises(NotFound):
        compare(house.parts, db, ConnectorName("nobody"))
