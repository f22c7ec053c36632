"""A sealed copy says so on every page, explains what was recognised, and is unsealed by a person who types the name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from kedai.staff.roles import Role
from kedai.sync.quarantine import open_quarantine
from kedai.values.environment import Environment
from kedai.vault.models import Installation
from tests.feature.dashboard.browser import Browser
from tests.feature.dashboard.world import fill
from tests.support.factories import FAKE, LIVE, PUBLIC_URL, SANDBOX, SHOP, House, open_house

BEFORE = "https://before.example"
HERE = f"/connectors/{FAKE}"


@pytest.fixture
def sealed(database_url: str, tmp_path: Path) -> Iterator[House]:
    """Both environments filled, woken under another public URL."""
    with open_house(database_url, tmp_path) as original:
        fill(original)
        values = {"identity": "before", "identity_public_url": BEFORE}
        original.execute(sa.update(Installation).values(values))
    with open_house(database_url, tmp_path) as copy:
        yield copy


@pytest.fixture
def admin(sealed: House) -> Browser:
    browser = Browser(sealed)
    browser.sign_in()
    return browser


def sealed_now(house: House) -> frozenset[Environment]:
    with house.db.read() as db:
        return house.parts.quarantine.sealed(db)


def test_every_page_has_the_banner(sealed: House, admin: Browser) -> None:
    pages = ("/e/sandbox/home", "/e/all/orders", "/e/live/events", "/e/all/runs", "/e/all/exceptions", HERE)
    for path in (*pages, f"{HERE}/parity", "/quarantine", "/no/such/page"):
        page = admin.get(path)
        assert "Live and Sandbox are sealed" in page.words, path
        assert "/quarantine" in page.links(), path
        assert 'class="banner banner-sandbox"' in page.text, path
    stranger = Browser(sealed).get("/login")
    assert "Live and Sandbox are sealed" in stranger.words
    assert "/quarantine" not in stranger.links()


def test_page_says_what_was_recognised_since_when_and_what_to_do(sealed: House, admin: Browser) -> None:
    words = admin.get("/quarantine").words
    for part in (
        "This seems to be a copy",
        "Live is sealed",
        "Sandbox is sealed",
        "2020-01-01",
        BEFORE,
        PUBLIC_URL,
        "Only the public URL is another one.",
        "kedai env unseal live --confirm live",
    ):
        assert part in words, part


def test_home_names_it_first(sealed: House, admin: Browser) -> None:
    words = admin.get("/e/all/home").words
    assert "Live is sealed: this seems to be a copy of another installation" in words
    assert words.index("is sealed: this seems") < words.index("parked events wait")


def test_only_the_name_itself_unseals(sealed: House, admin: Browser) -> None:
    for typed in ("", "sandbox", "LIVE", "live!"):
        page = admin.post("/quarantine/unseal?env=live", {"confirm": typed})
        assert page.status == 422
        assert "Type the word live to confirm." in page.words
    assert admin.post("/quarantine/unseal", {"confirm": "live"}).status == 422
    assert sealed_now(sealed) == {LIVE, SANDBOX}


def test_one_environment_is_unsealed_and_the_banner_names_the_other(sealed: House, admin: Browser) -> None:
    page = admin.follow(admin.post("/quarantine/unseal?env=sandbox", {"confirm": "sandbox"}))
    assert "Confirmed." in page.words
    assert "Live is sealed" in page.words
    assert "Sandbox is sealed" not in page.words
    assert sealed_now(sealed) == {LIVE}
    page = admin.follow(admin.post("/quarantine/unseal?env=live", {"confirm": "live"}))
    assert "Nothing is sealed" in page.words
    assert "banner-sealed" not in page.text
    assert admin.post("/quarantine/unseal?env=live", {"confirm": "live"}).status == 409


def test_a_viewer_reads_and_does_not_unseal(sealed: House) -> None:
    viewer = Browser(sealed)
    viewer.sign_in(Role.VIEWER)
    page = viewer.get("/quarantine")
    assert page.status == 200
    assert "/quarantine/unseal" not in page.text
    assert viewer.post("/quarantine/unseal?env=live", {"confirm": "live"}).status == 403


def test_what_acts_for_a_sealed_environment_is_refused_with_the_way_out(sealed: House, admin: Browser) -> None:
    for path, form in ((f"{HERE}/connect?env=live", {}), (f"{HERE}/switch?to=live", {"confirm": "live"})):
        page = admin.post(path, form)
        assert page.status == 409, path
        assert "Live is sealed" in page.words
        assert "/quarantine" in page.words
    with sealed.db.read() as db:
        assert db.get_one(Installation, 1).identity == "before"


def test_the_connection_page_says_it_and_offers_nothing_that_is_refused(sealed: House, admin: Browser) -> None:
    """Of the sealed environment alone: what was confirmed is offered again."""
    for path in (f"{HERE}?tab=live", f"{HERE}/shops/{SHOP}?env=live"):
        page = admin.get(path)
        assert "Live is sealed" in page.words.partition("Nothing is asked of the marketplace for")[2], path
        connects = re.findall(r"<form[^>]*/connect[?][^>]*>.*?</form>", page.text)
        assert connects, path
        assert all(" disabled" in one for one in connects), path
        checks = re.findall(r"<form[^>]*/(?:certificates|push-registration)[?][^>]*>.*?</form>", page.text)
        assert all(" disabled" in one for one in checks), path
        assert checks or "/shops/" in path
    page = admin.get(f"{HERE}?tab=live")
    assert f"{HERE}/switch?to=live" not in page.links()
    assert "Possible once a person has confirmed" in page.words
    admin.post("/quarantine/unseal?env=live", {"confirm": "live"})
    page = admin.get(f"{HERE}?tab=live")
    assert " disabled" not in page.text
    assert f"{HERE}/switch?to=live" in page.links()
    assert " disabled" in admin.get(f"{HERE}?tab=sandbox").text


def test_readiness_says_it_and_stays_ready(sealed: House, admin: Browser) -> None:
    answer = admin.get("/readyz")
    assert answer.status == 200
    assert '"status":"sealed"' in answer.text
    assert "sealed live, sandbox" in answer.text


def test_an_installation_that_is_itself_says_where_it_is(house: House, browser: Browser) -> None:
    browser.sign_in()
    page = browser.get("/quarantine")
    assert "Nothing is sealed" in page.words
    assert PUBLIC_URL in page.words
    assert "banner-sealed" not in page.text


def test_the_seal_of_a_stray_process_is_not_lifted_from_here(house: House, browser: Browser) -> None:
    """Else the stray's place would be taken for ours, and this installation sealed at its next start."""
    settings = house.parts.settings.model_copy(update={"public_url": BEFORE})
    open_quarantine(settings, house.db, house.clock)
    browser.sign_in()
    assert browser.post("/quarantine/unseal?env=live", {"confirm": "live"}).status == 409
    assert open_quarantine(house.parts.settings, house.db, house.clock).place is None
