"""The unsigned authorization link, "format A": the same page, and the state comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import pytest

from tests.simulator.market import REDIRECT, fetch, location_query
from tests.simulator.test_consent import FORM, hidden_fields

if TYPE_CHECKING:
    from tests.simulator.market import Answer, Market


def link(market: Market, **changes: Any) -> Answer:
    query = {
        "partner_id": market.app["partner_id"],
        "auth_type": "seller",
        "redirect_uri": REDIRECT,
        "response_type": "code",
        "state": "s/1 +",
        **changes,
    }
    return market.get("/auth", {name: value for name, value in query.items() if value is not None})


def submit(market: Market, fields: dict[str, str], **choice: object) -> Answer:
    return fetch("POST", f"{market.url}/auth", urlencode({**fields, **choice}).encode(), FORM)


def test_approving_leads_back_with_code_shop_state_and_the_redirects_own_query(market: Market) -> None:
    shop_id = market.shop_ids[0]
    page = link(market)
    assert page.status == 200
    answer = submit(market, hidden_fields(page.raw.decode()), shop_id=shop_id, decision="approve")
    assert answer.status == 302
    query = location_query(answer.headers["Location"])
    assert (query["nonce"], query["state"], query["shop_id"]) == (["n/1"], ["s/1 +"], [str(shop_id)])
    assert market.exchange(query["code"][0], shop_id).error == ""


def test_without_a_state_none_comes_back(market: Market) -> None:
    fields = hidden_fields(link(market, state=None).raw.decode())
    answer = submit(market, fields, shop_id=market.shop_ids[0], decision="cancel")
    assert location_query(answer.headers["Location"])["error"] == ["access_denied"]
    assert "state" not in location_query(answer.headers["Location"])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"partner_id": 7}, "invalid_partner_id"),
        ({"partner_id": None}, "There is no partner_id"),
        ({"auth_type": "supplier"}, "auth_type must be seller"),
        ({"response_type": None}, "response_type must be code"),
        ({"redirect_uri": "javascript:alert(1)"}, "cannot be used"),
    ],
)
def test_what_is_no_such_link_is_refused(market: Market, changes: dict[str, Any], words: str) -> None:
    assert words in link(market, **changes).raw.decode()


@pytest.mark.parametrize("name", ["redirect_uri", "state", "timestamp", "ticket"])
def test_form_cannot_be_changed_on_its_way(market: Market, name: str) -> None:
    fields = hidden_fields(link(market).raw.decode())
    changed = {**fields, name: str(int(fields[name]) - 1) if name == "timestamp" else "https://elsewhere.example.test/"}
    answer = submit(market, changed, shop_id=market.shop_ids[0], decision="approve")
    assert "error_sign" in answer.raw.decode()
    assert "Location" not in answer.headers


@pytest.mark.parametrize("days", ["0", "366", "x", ""])
def test_validity_is_at_most_a_year(market: Market, days: str) -> None:
    fields = hidden_fields(link(market).raw.decode())
    answer = submit(market, fields, shop_id=market.shop_ids[0], decision="approve", days=days)
    assert "days must be from 1 to 365" in answer.raw.decode()
