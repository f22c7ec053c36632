"""Without its master key an installation opens its pages, says which key it needs, and writes no secret."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path

from tests.feature.dashboard.browser import Browser
from tests.support.factories import COMPLETE, FAKE, SANDBOX, SHOP, open_house

OTHER_KEYS = "k2:" + base64.b64encode(hashlib.sha256(b"another key for tests").digest()).decode()
HERE = f"/connectors/{FAKE}"


def test_pages_open_and_name_the_key(database_url: str, tmp_path: Path) -> None:
    with open_house(database_url, tmp_path) as house:
        house.configure(SANDBOX)
        house.connect(SANDBOX, SHOP)
    with open_house(database_url, tmp_path, master_keys=OTHER_KEYS) as house:
        browser = Browser(house)
        browser.sign_in()
        for path in ("/e/sandbox/home", "/e/all/orders", "/e/all/events", "/e/all/runs", HERE):
            assert browser.get(path).status == 200, path
        home = browser.get("/e/sandbox/home").words
        assert "Stored secrets cannot be opened: this installation needs key k1" in home
        assert "A Fake secret cannot be read: it needs key k1" in home
        page = browser.get(f"{HERE}?tab=sandbox")
        assert "Set, but cannot be read: needs key k1" in page.words
        assert "Cannot be read" in page.words
        form = {"version": page.value("version"), "partner_key": COMPLETE["partner_key"]}
        refused = browser.post(f"{HERE}/credentials?env=sandbox", form)
        assert refused.status == 409
        assert "needs key k1" in refused.words
