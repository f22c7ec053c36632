"""The SKU map in JSON and CSV: one environment each, no change without saying which version was seen."""

from __future__ import annotations

from typing import Any

import pytest

from kedai.catalog.service import see_listings
from kedai.values.environment import Environment, Scope
from kedai.values.listing import Listing
from tests.feature.web.site import SHOP, SHOPEE, Answer, Site
from tests.feature.web.test_api_v1 import add_shop
from tests.support.installation import request

HERE = "/api/v1/sandbox/connectors/shopee/sku-map"


@pytest.fixture
def mapped(site: Site) -> Site:
    """A shop with two products."""
    add_shop(site)
    with site.runtime.web_db.write() as db:
        scope = Scope(SHOPEE, Environment.SANDBOX, str(SHOP))
        offered = [Listing("1", "0", "Mug", "", "KDI-1"), Listing("2", "7", "Tray", "Large", "")]
        see_listings(db, scope, offered, now=site.clock.now())
    return site


def send_csv(site: Site, path: str, text: str | bytes, **headers: str) -> Answer:
    body = text if isinstance(text, bytes) else text.encode()
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return request("POST", site.url + path, headers={"Content-Type": "text/csv", **given}, body=body)


def listed(site: Site, caller: dict[str, str], query: str = "") -> dict[str, Any]:
    found: dict[str, Any] = site.get(HERE + query, **caller).json()
    return found


def test_listings_are_read_changed_and_removed_by_whoever_saw_them(mapped: Site) -> None:
    caller = mapped.token("operator", "sandbox")
    body = listed(mapped, caller)
    assert (body["mapped"], body["unmapped"], body["demanded"], body["version"]) == (0, 2, False, 0)
    mug = next(one for one in body["listings"] if one["item_id"] == "1")
    assert {name: mug[name] for name in ("name", "channel_sku", "sku", "version", "environment")} == {
        "name": "Mug",
        "channel_sku": "KDI-1",
        "sku": None,
        "version": 0,
        "environment": "sandbox",
    }
    place = f"{HERE}/listings/{mug['id']}"
    one = mapped.get(place, **caller)
    assert (one.headers["etag"], one.json()["id"]) == ('"v0"', mug["id"])
    unsaid = mapped.send("PUT", f"{place}/sku", {"sku": "MINE"}, **caller)
    assert (unsaid.status, unsaid.json()["code"]) == (428, "precondition_required")
    done = mapped.send("PUT", f"{place}/sku", {"sku": " MINE "}, **caller, If_Match='"v0"')
    assert (done.status, done.json()["sku"], done.json()["set_by"], done.headers["etag"]) == (
        200,
        "MINE",
        "test",
        '"v1"',
    )
    for stale in ('"v0"', "v1", 'W/"v1"', "*", '"v1", "v2"'):
        assert mapped.send("PUT", f"{place}/sku", {"sku": "X"}, **caller, If_Match=stale).status == 412, stale
    assert mapped.send("PUT", f"{place}/sku", {"sku": ""}, **caller, If_Match='"v1"').status == 422
    assert mapped.send("PUT", f"{place}/sku", {"sku": "\ud800"}, **caller, If_Match='"v1"').status == 422
    assert [one["sku"] for one in listed(mapped, caller, "?state=mapped")["listings"]] == ["MINE"]
    gone = mapped.send("DELETE", f"{place}/sku", **caller, If_Match='"v1"')
    assert (gone.status, gone.json()["sku"], gone.headers["etag"]) == (200, None, '"v2"')
    assert listed(mapped, caller)["demanded"] is True


def test_no_token_reaches_the_other_environments_map(mapped: Site) -> None:
    caller = mapped.token("operator", "sandbox")
    mug = listed(mapped, caller)["listings"][0]["id"]
    assert mapped.get(HERE.replace("sandbox", "live"), **caller).status == 403
    live = mapped.token("operator", "live")
    other = f"{HERE.replace('sandbox', 'live')}/listings/{mug}"
    assert mapped.get(other, **live).status == 404
    assert mapped.send("PUT", f"{other}/sku", {"sku": "X"}, **live, If_Match='"v0"').status == 404
    assert send_csv(mapped, f"{HERE}/imports?dry_run=true", "item_id,sku\n1,A\n", **live).status == 403


def test_lists_are_narrowed_and_paged(mapped: Site) -> None:
    caller = mapped.token("viewer", "sandbox")
    first = listed(mapped, caller, "?limit=1")
    assert (len(first["listings"]), first["has_more"]) == (1, True)
    second = listed(mapped, caller, f"?limit=1&cursor={first['next_cursor']}")
    assert second["has_more"] is False
    assert first["listings"] != second["listings"]
    assert [one["item_id"] for one in listed(mapped, caller, "?q=tray")["listings"]] == ["2"]
    assert listed(mapped, caller, "?shop_id=5")["listings"] == []
    for query in ("?state=x", "?limit=0", "?cursor=x", f"?q=tray&cursor={first['next_cursor']}", "?q=%00"):
        assert mapped.get(HERE + query, **caller).status == 422, query


def test_a_file_is_tried_imported_and_taken_away(mapped: Site) -> None:
    caller = mapped.token("operator", "sandbox")
    text = "item_id,model_id,sku\n1,,A\n2,7,B\n"
    tried = send_csv(mapped, f"{HERE}/imports?dry_run=true", text, **caller)
    assert (tried.status, tried.json()["counts"]["new"], tried.headers["etag"]) == (200, 2, '"v0"')
    assert send_csv(mapped, f"{HERE}/imports", text, **caller).status == 428
    done = send_csv(mapped, f"{HERE}/imports", text, **caller, If_Match=tried.headers["etag"])
    assert (done.status, done.json()["version"], done.headers["etag"]) == (200, 1, '"v1"')
    assert send_csv(mapped, f"{HERE}/imports", text, **caller, If_Match='"v0"').status == 412
    same = send_csv(mapped, f"{HERE}/imports", text, **caller, If_Match='"v1"').json()
    assert (same["counts"]["same"], same["changes"], same["version"]) == (2, [], 1)
    file = mapped.send("POST", f"{HERE}/exports", {"state": "mapped"}, **caller)
    assert (file.status, file.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert file.body.decode().splitlines()[1:] == [
        f"sandbox,{SHOP},1,0,Mug,,KDI-1,A",
        f"sandbox,{SHOP},2,7,Tray,Large,,B",
    ]
    assert send_csv(mapped, f"{HERE}/imports?dry_run=1", file.body, **caller).json()["counts"]["same"] == 2


def test_bad_files_are_refused_by_line_and_leave_nothing(mapped: Site) -> None:
    caller = mapped.token("operator", "sandbox")
    imports = f"{HERE}/imports"
    bad = send_csv(mapped, imports, "item_id,sku\n1,A\n,B\n", **caller, If_Match='"v0"')
    assert (bad.status, "Line 3: item_id is blank." in bad.json()["detail"]) == (422, True)
    told = send_csv(mapped, f"{imports}?dry_run=true", "item_id,sku\n1,A\n,B\n", **caller).json()
    assert told["problems"] == [{"line": 3, "detail": "item_id is blank."}]
    assert send_csv(mapped, imports, b"\xff", **caller, If_Match='"v0"').status == 422
    assert send_csv(mapped, imports, b"item_id,sku\n" + b"x" * 1_100_000, **caller, If_Match='"v0"').status == 413
    assert send_csv(mapped, imports, b"x" * 1_600_000, **caller, If_Match='"v0"').status == 413
    assert mapped.send("POST", imports, {"a": 1}, **caller, If_Match='"v0"').status == 422
    assert send_csv(mapped, f"{imports}?shop_id=5", "item_id,sku\n1,A\n", **caller, If_Match='"v0"').status == 422
    assert listed(mapped, caller)["mapped"] == 0
    other = f"{HERE}/exports"
    assert request("POST", mapped.url + other, headers=caller, body=b"x" * 70_000).status == 413, (
        "only files are larger"
    )


def test_a_copy_of_a_shop_that_is_not_there_is_refused_and_its_name_never_repeated(mapped: Site) -> None:
    refused = mapped.send("POST", f"{HERE}/exports", {"shop_id": "mistyped"}, **mapped.token("viewer", "sandbox"))
    assert (refused.status, refused.json()["detail"]) == (422, "There is no such shop in sandbox.")
    assert b"mistyped" not in refused.body


def test_nobody_who_may_not_write_is_read_a_file(mapped: Site) -> None:
    assert send_csv(mapped, f"{HERE}/imports", b"\xff", **mapped.token("viewer", "sandbox")).status == 403
    assert send_csv(mapped, f"{HERE}/imports", b"\xff").status == 403, "from nowhere"


def test_whether_orders_need_the_map_is_said_by_whoever_saw_it(mapped: Site) -> None:
    caller = mapped.token("operator", "sandbox")
    assert mapped.send("PATCH", HERE, {"demanded": True}, **caller).status == 428
    on = mapped.send("PATCH", HERE, {"demanded": True}, **caller, If_Match='"v0"')
    assert (on.status, on.json()["changed"], on.headers["etag"]) == (200, True, '"v1"')
    assert mapped.send("PATCH", HERE, {"demanded": False}, **caller, If_Match='"v0"').status == 412
    assert mapped.send("PATCH", HERE, {"demanded": True}, **caller, If_Match='"v1"').json()["changed"] is False
    assert mapped.send("PATCH", HERE, {"demanded": None}, **caller, If_Match='"v1"').status == 422


def test_fetching_is_a_run_to_watch(mapped: Site) -> None:
    caller = mapped.token("operator", "sandbox")
    begun = mapped.send("POST", f"{HERE}/refreshes", **caller)
    assert (begun.status, begun.json()["runs"][0]["kind"]) == (202, "listings")
    assert mapped.get(begun.headers["location"], **caller).json()["scope"] == {"shop_id": str(SHOP)}
    assert mapped.send("POST", f"{HERE}/refreshes", **caller).status == 409
