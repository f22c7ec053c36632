"""F46: this version runs on while a newer one has added to the schema; what it does not know, it leaves alone."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa

from kedai.audit.queries import verify_chain
from kedai.db.base import Model
from kedai.sync import runner
from kedai.vault.models import EnvironmentCredentials
from tests.feature.dashboard.browser import Browser
from tests.feature.dashboard.world import fill
from tests.support.factories import FAKE, LIVE, SANDBOX, House, incoming, snapshot

LATER = "added_later"
HERE = f"/connectors/{FAKE}"
PAGES = (
    *(f"/e/{scope}/{page}" for scope in ("sandbox", "live", "all") for page in ("orders", "events", "exceptions")),
    "/e/sandbox/home",
    "/e/all/runs",
    f"{HERE}?tab=sandbox",
    f"{HERE}?tab=live",
    "/settings/keys",
    "/audit",
    "/staff",
)


@pytest.fixture
def upgraded(house: House) -> House:
    """A running installation whose database a newer version has just expanded."""
    for name in sorted(Model.metadata.tables):
        house.execute(sa.text(f"ALTER TABLE {name} ADD COLUMN {LATER} TEXT"))
    house.execute(
        sa.text(
            "CREATE TABLE table_of_later (id INTEGER PRIMARY KEY, connector TEXT, environment TEXT, shop_id TEXT,"
            " FOREIGN KEY (connector, environment, shop_id) REFERENCES shop (connector, environment, shop_id))"
        )
    )
    house.execute(sa.text("UPDATE alembic_version SET version_num = '0002'"))
    return house


def test_f46_everything_goes_on_after_a_newer_version_has_added_to_the_schema(upgraded: House) -> None:
    """Fails where a statement names no columns, or where somebody counts those that come back."""
    fill(upgraded)
    upgraded.market.put(SANDBOX, snapshot("O1"), *(snapshot(f"SANDBOX{number}") for number in range(3)))
    upgraded.deliver(incoming("O1"))
    upgraded.work()
    assert "O1" in {order.order_sn for order in upgraded.orders(SANDBOX)}
    assert upgraded.switch(LIVE).changed
    asyncio.run(runner.run_next(upgraded.parts))
    browser = Browser(upgraded)
    browser.sign_in()
    assert {path: browser.get(path).status for path in PAGES} == dict.fromkeys(PAGES, 200)
    page = browser.get(f"{HERE}?tab=sandbox")
    saved = browser.post(f"{HERE}/credentials?env=sandbox", {"version": page.value("version"), "region": "MY"})
    assert saved.status == 303
    with upgraded.db.read() as db:
        assert verify_chain(db) is None


def test_f46_what_a_newer_version_wrote_is_kept(upgraded: House) -> None:
    """An edit by this version changes its own columns and no other."""
    upgraded.configure(SANDBOX)
    written = sa.text(f"UPDATE environment_credentials SET {LATER} = 'of later'")
    assert upgraded.execute(written) == 2
    upgraded.configure(SANDBOX, region="MY", partner_key="another-partner-key-0001")
    upgraded.connect(SANDBOX)
    kept = sa.text(f"SELECT DISTINCT {LATER} FROM environment_credentials")
    with upgraded.db.read() as db:
        assert [row[0] for row in db.execute(kept)] == ["of later"]
    of_sandbox = EnvironmentCredentials.environment == SANDBOX
    assert upgraded.scalar(sa.select(EnvironmentCredentials.region).where(of_sandbox)) == "MY"


def test_f46_a_process_that_runs_on_stays_ready(upgraded: House) -> None:
    """Fails where readiness asks for its own revision and no other: all would go out of service at once."""
    ready = Browser(upgraded).get("/readyz")
    assert (ready.status, '"schema":"ok"' in ready.text) == (200, True)


def test_an_older_schema_is_not_ready(house: House) -> None:
    house.execute(sa.text("UPDATE alembic_version SET version_num = '0000'"))
    ready = Browser(house).get("/readyz")
    assert (ready.status, "is at 0000, this version needs 0001" in ready.text) == (503, True)
