"""Bad signature headers end in quarantine with a named diagnosis, which the JSON routes tell to who may read.

33 to 43 of the bad inputs, from the first byte at the door to what an operator is told.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from kedai.inbox.models import RejectedDelivery
from tests.feature.web.site import KEYS, SHOP, WEBHOOK, Site
from tests.support.processes import wait_until

BASE = "/api/v1/sandbox"
LIST = f"{BASE}/connectors/shopee/rejected-deliveries"
Signing = Callable[[Site, bytes], str | None]


def body_of(number: str) -> bytes:
    data = {"ordersn": "260901REJECT1", "status": "PROCESSED", "note": number}
    return json.dumps({"data": data, "shop_id": SHOP, "code": 3, "timestamp": 1_788_000_001}).encode()


def compact(body: bytes) -> bytes:
    return json.dumps(json.loads(body), separators=(",", ":")).encode()


def deliver(site: Site, body: bytes, signature: str | None) -> str:
    """Refused with an empty 401, and kept within a second or two; returns its id."""
    site.clock.advance(timedelta(seconds=2))
    headers = {} if signature is None else {"Authorization": signature}
    answer = site.exchange(_written(site, body, headers))
    assert (answer.status, answer.body) == (401, b"")
    kept = sa.select(RejectedDelivery.id).where(RejectedDelivery.body == body)
    wait_until(lambda: bool(site.rows(kept)), timeout=20, message="it was not kept")
    return f"rej_{site.rows(kept)[0][0].hex}"


def _written(site: Site, body: bytes, headers: dict[str, str]) -> bytes:
    given = {"Host": f"127.0.0.1:{site.port}", "Content-Length": str(len(body)), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return f"POST {WEBHOOK}/sandbox HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body


CASES: dict[str, tuple[Signing, str, str]] = {
    "33 missing": (lambda _site, _body: None, "missing", "not_signed"),
    "34 empty": (lambda _site, _body: "", "empty", "not_signed"),
    "35 bearer": (lambda site, body: f"Bearer {site.sign(body)}", "scheme", "not_signed"),
    "36 upper case": (lambda site, body: site.sign(body).upper(), "upper_case", "not_signed"),
    "37 63 characters": (lambda site, body: site.sign(body)[:63], "length", "not_signed"),
    "40 not ASCII": (lambda _site, _body: "é" * 64, "characters", "not_signed"),
    "41 other URL": (lambda site, body: site.sign(body, url="https://other.example/"), "mismatch", "unknown_key"),
    "41 slash": (lambda site, body: site.sign(body, url=f"{site.url}{WEBHOOK}/sandbox/"), "mismatch", "url_slash"),
    "42 other key": (lambda site, body: site.sign(body, key=KEYS["live"]), "mismatch", "wrong_address"),
    "42 live": (lambda site, body: site.sign(body, "live"), "mismatch", "other_environment"),
    "43 rewritten": (lambda site, body: site.sign(compact(body)), "mismatch", "body_changed"),
}


def test_33_to_43_each_bad_signature_ends_in_quarantine_with_its_diagnosis(shared_site: Site) -> None:
    """33, 34, 35, 36, 37, 40, 41, 42 and 43; only what this environment's own key signed can be admitted."""
    reader, operator = shared_site.token("viewer"), shared_site.token("operator")
    before = len(shared_site.events())
    for number, (signing, reason, diagnosis) in CASES.items():
        body = body_of(number)
        kept = deliver(shared_site, body, signing(shared_site, body))
        told = json.loads(shared_site.get(f"{BASE}/rejected-deliveries/{kept}", **reader).body)
        assert (told["reason"], told["diagnosis"]) == (reason, diagnosis), number
        assert all(told[words] for words in ("title", "cause", "next_step")), number
        admitted = shared_site.send("POST", f"{BASE}/rejected-deliveries/{kept}/admissions", **operator)
        assert admitted.status == (200 if diagnosis == "url_slash" else 409), number
    assert len(shared_site.events()) == before + 1


def test_39_two_headers_are_never_tried_again(shared_site: Site) -> None:
    """39: which of them was meant, nobody knows."""
    body = body_of("39")
    right = shared_site.sign(body)
    kept = deliver(shared_site, body, f"{right}\r\nAuthorization: {right}")
    told = json.loads(shared_site.get(f"{BASE}/rejected-deliveries/{kept}", **shared_site.token("viewer")).body)
    assert (told["reason"], told["diagnosis"], told["verifies"]) == ("two_headers", "not_signed", False)


@pytest.mark.parametrize("path", [LIST, f"{BASE}/exceptions"])
def test_strangers_and_tokens_of_the_other_environment_learn_nothing(shared_site: Site, path: str) -> None:
    """No oracle: who is not let in hears of no diagnosis, and a delivery is answered without a word."""
    assert shared_site.get(path).status == 401
    assert shared_site.get(path, **shared_site.token("admin", "live")).status == 403
    listed = shared_site.get(path, **shared_site.token("viewer"))
    assert listed.status == 200
    assert KEYS["sandbox"].encode() not in listed.body


def test_the_list_is_filtered_and_says_how_many_verify_now(shared_site: Site) -> None:
    token = shared_site.token("operator")
    body = body_of("list")
    deliver(shared_site, body, shared_site.sign(body, url=f"{shared_site.url}{WEBHOOK}/sandbox/"))
    told = json.loads(shared_site.get(f"{LIST}?show=waiting&diagnosis=url_slash&limit=1", **token).body)
    assert (len(told["deliveries"]), told["verify_now"] >= 1, told["refused"] >= 1) == (1, True, True)
    assert shared_site.get(f"{LIST}?diagnosis=nothing", **token).status == 422
    done = shared_site.send("POST", f"{LIST}/admissions", **token)
    assert json.loads(done.body)["admitted"] >= 1
    assert [event.state for event in shared_site.events(body)] == ["received"]
    assert json.loads(shared_site.get(LIST, **token).body)["verify_now"] == 0


def test_a_push_key_that_is_mended_says_what_verifies_now(site: Site) -> None:
    strange, body = "push-key-that-the-console-shows", body_of("mended")
    kept = deliver(site, body, site.sign(body, key=strange))
    answer = site.send(
        "PATCH",
        "/admin/dashboard/connectors/shopee?env=sandbox",
        {"push_partner_key": strange},
        **site.token("admin"),
    )
    assert answer.status == 200
    assert "1 waiting delivery verifies now" in answer.body.decode()
    admitted = site.send("POST", f"{BASE}/rejected-deliveries/{kept}/admissions", **site.token("operator"))
    assert json.loads(admitted.body)["admitted_by"]
    (event,) = site.events(body)
    assert (bytes(event.body), event.matched_key) == (body, "current")
