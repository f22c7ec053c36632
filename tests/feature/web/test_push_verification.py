"""T10 to T14: only the exact bytes under this environment's keys and configured URLs count, whatever else is said."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from kedai.sync.intake import Intake
from kedai.values.environment import Environment
from kedai.vault.queries import credentials_place, get_credentials
from kedai.web import edge
from tests.feature.web.site import KEYS, OLD_URL, SHOP, SHOPEE, WEBHOOK, Site, serving
from tests.support.factories import on_sqlite

PREVIOUS_KEY = "push-key-before-the-present-1"
LATER = timedelta(hours=1)


def push(name: str = "", shop_id: int = SHOP) -> bytes:
    data = {"ordersn": "260901VERIFY1", "status": "PROCESSED", "note": name}
    return json.dumps({"data": data, "shop_id": shop_id, "code": 3, "timestamp": 1_788_000_001}).encode()


def keep_previous_key(site: Site, key: str = PREVIOUS_KEY) -> None:
    """As after a change of the key at the marketplace that lets the old one live for an hour more."""
    with site.runtime.web_db.write() as db:
        row = get_credentials(db, SHOPEE, Environment.SANDBOX)
        place = credentials_place(SHOPEE, Environment.SANDBOX, "previous_push_partner_key_encrypted")
        row.previous_push_partner_key_encrypted = site.runtime.ring.seal(db, place, key)
        row.previous_push_partner_key_valid_until = site.clock.now() + LATER
        row.version += 1


def test_t10_every_single_changed_digit_of_a_signature_makes_it_worthless(shared_site: Site) -> None:
    body = push("flips")
    right = shared_site.sign(body)
    for position, digit in enumerate(right):
        wrong = right[:position] + format(int(digit, 16) ^ 1, "x") + right[position + 1 :]
        assert shared_site.push(body, Authorization=wrong).status == 401
    for position in range(0, len(body), 7):
        changed = body[:position] + bytes([body[position] ^ 1]) + body[position + 1 :]
        assert shared_site.push(changed, Authorization=right).status == 401
    assert shared_site.events(body) == []
    assert shared_site.push(body).status == 200


def test_t10_an_environment_without_a_key_trusts_nobody(database_url: str, tmp_path: Path) -> None:
    with serving(database_url, tmp_path, configured=False) as site:
        for key in ("", "None", "null", KEYS["sandbox"]):
            assert site.push(push(), key=key or "\0").status == 401
            assert site.push(push(), "live", key=key or "\0").status == 401
        assert site.push(push(), Authorization="0" * 64).status == 401
        assert site.events() == []


@on_sqlite
def test_what_nobody_foresaw_is_never_a_500_and_the_sender_is_told_to_come_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    def surprise(*_arguments: object) -> None:
        raise ZeroDivisionError("the secret is hunter2-hunter2")

    logged: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(edge, "log", SimpleNamespace(exception=lambda event, **_: logged.append(event)))
        patch.setattr(Intake, "verify", surprise)
        answer = site.push(push("surprise"))

    assert (answer.status, answer.body, answer.headers["retry-after"]) == (503, b"", "60")
    assert logged == ["a push met what nobody foresaw"]
    assert site.events() == []
    assert site.push(push("surprise")).status == 200


@pytest.mark.parametrize(
    "body",
    [
        b'{"code":3,"shop_id":7001,"timestamp":1788000001,"data":{"ordersn":"A1","n":1.0}}',
        b'{ "code" : 3 ,\n "shop_id":7001,"timestamp":1788000001,"data":{"ordersn":"A2"} }\n',
        b'{"code":3,"shop_id":7001,"timestamp":1788000001,"data":{"ordersn":"A3","n":"\\u00e9 \\/"}}',
        '{"code":3,"shop_id":7001,"timestamp":1788000001,"data":{"ordersn":"A4","n":"é"}}'.encode(),
        b'{"code":4,"code":3,"shop_id":7001,"timestamp":1788000001,"data":{"ordersn":"A5"}}',
        b'{"code":3,"shop_id":7001,"timestamp":1788000001,"data":{"ordersn":"A6","n":1E2,"m":-0}}',
    ],
    ids=["1.0", "spaces", "escapes", "raw UTF-8", "a name twice", "other numbers"],
)
def test_t11_a_body_that_reads_the_same_written_otherwise_is_verified_and_kept_as_it_came(
    shared_site: Site, body: bytes
) -> None:
    rewritten = json.dumps(json.loads(body)).encode()
    assert rewritten != body
    assert shared_site.push(body, Authorization=shared_site.sign(rewritten)).status == 401
    assert shared_site.push(body).status == 200
    (event,) = shared_site.events(body)
    assert (event.topic, event.order_sn[:1] if event.order_sn else None) == ("order", "A")


def test_t12_each_registered_url_with_each_valid_key_verifies_at_either_address(site: Site) -> None:
    keep_previous_key(site)
    paths = (WEBHOOK, f"{WEBHOOK}/sandbox")
    for base in (site.url, OLD_URL):
        for signed in paths:
            for sent_to in paths:
                for name, key in (("current", KEYS["sandbox"]), ("previous", PREVIOUS_KEY)):
                    body = push(f"{base} {signed} {sent_to} {name}")
                    assert site.push(body, path=sent_to, url=base + signed, key=key).status == 200
                    (event,) = site.events(body)
                    assert (event.matched_key, event.matched_url) == (name, base + signed)
                    assert event.environment is Environment.SANDBOX


@pytest.mark.parametrize(
    "url",
    [
        f"https://other.example{WEBHOOK}/sandbox",
        f"http://localhost{WEBHOOK}/sandbox",
        f"{OLD_URL}{WEBHOOK}/live",
        f"{OLD_URL}{WEBHOOK}/sandbox/",
        f"{OLD_URL}{WEBHOOK}/sandbox?env=sandbox",
        f"{OLD_URL.upper()}{WEBHOOK}/sandbox",
        f"{OLD_URL}:443{WEBHOOK}/sandbox",
        f"{WEBHOOK}/sandbox",
        "",
    ],
)
def test_t12_a_url_that_was_never_registered_verifies_nothing(shared_site: Site, url: str) -> None:
    assert shared_site.push(push(url), url=url or " ").status == 401
    assert shared_site.events(push(url)) == []


@pytest.mark.parametrize(
    "spoof",
    [
        {"Host": "evil.example"},
        {"X_Forwarded_Host": "evil.example", "X_Forwarded_Proto": "https"},
        {"Forwarded": "host=evil.example;proto=https"},
        {"X_Forwarded_For": "203.0.113.9", "X_Real_IP": "203.0.113.9"},
        {"X_Original_URL": "/connectors/shopee/webhook/live", "X_Rewrite_URL": "/"},
        {"X_HTTP_Method_Override": "DELETE"},
    ],
    ids=lambda spoof: next(iter(spoof)),
)
def test_t12_what_a_request_says_of_its_own_address_has_no_effect(shared_site: Site, spoof: dict[str, str]) -> None:
    body = push(f"spoof {spoof}")
    wrong = shared_site.push(body, url=f"https://evil.example{WEBHOOK}/sandbox", **spoof)
    assert (wrong.status, shared_site.events(body)) == (401, [])
    assert shared_site.push(body, **spoof).status == 200
    (event,) = shared_site.events(body)
    assert event.matched_url == f"{shared_site.url}{WEBHOOK}/sandbox"


def test_a_previous_key_is_worth_nothing_after_its_time(database_url: str, tmp_path: Path) -> None:
    with serving(database_url, tmp_path) as site:
        keep_previous_key(site)
        assert site.push(push("in time"), key=PREVIOUS_KEY).status == 200
        site.clock.advance(LATER)
        with site.runtime.web_db.write() as db:
            get_credentials(db, SHOPEE, Environment.SANDBOX).version += 1
        assert site.push(push("too late"), key=PREVIOUS_KEY).status == 401
        assert site.push(push("too late")).status == 200


def test_t13_the_same_push_again_is_200_and_counted_and_changes_nothing_even_when_it_is_old(site: Site) -> None:
    body = push("again")
    assert [site.push(body).status for _ in range(3)] == [200, 200, 200]
    (event,) = site.events()
    assert (event.duplicates, event.state) == (2, "received")
    site.work()
    site.clock.advance(timedelta(days=3))
    assert site.push(body).status == 200
    (after,) = site.events()
    assert (after.duplicates, after.state) == (3, "parked")


def test_t13_the_same_bytes_in_both_environments_are_two_pushes(site: Site) -> None:
    body = push("both")
    assert site.push(body, "sandbox").status == 200
    assert site.push(body, "live").status == 200
    assert [(event.environment.value, event.duplicates) for event in site.events()] == [("sandbox", 0), ("live", 0)]


def test_t14_an_environments_path_accepts_only_its_own_key(shared_site: Site) -> None:
    for environment, other in (("sandbox", "live"), ("live", "sandbox")):
        body = push(f"t14 {environment}")
        for url in (None, f"{shared_site.url}{WEBHOOK}/{other}"):
            assert shared_site.push(body, environment, key=KEYS[other], url=url).status == 401
        assert shared_site.events(body) == []


def test_t14_a_right_push_about_a_shop_that_is_not_connected_here_is_stored_and_then_parked(site: Site) -> None:
    body = push("t14 shop", shop_id=8001)
    assert site.push(body).status == 200
    site.work()
    (event,) = site.events()
    assert (event.state, event.parked_reason) == ("parked", "unknown_shop")


def test_an_order_push_of_the_inactive_environment_waits_and_one_about_the_connection_does_not(site: Site) -> None:
    order, connection = push("inactive"), b'{"code":12,"timestamp":1788000001,"data":{"shop_expire_soon":[]}}'
    assert site.push(order, "live").status == 200
    assert site.push(connection, "live").status == 200
    assert [(event.state, event.parked_reason) for event in site.events()] == [
        ("parked", "inactive_environment"),
        ("received", None),
    ]
    site.switch("live")
    assert site.push(push("active now"), "live").status == 200
    assert site.push(push("inactive now"), "sandbox").status == 200
    assert [event.state for event in site.events()][2:] == ["received", "parked"]


@on_sqlite
def test_where_inactive_pushes_are_dropped_they_are_acknowledged_and_not_stored(
    database_url: str, tmp_path: Path
) -> None:
    with serving(database_url, tmp_path, inactive_events="drop") as site:
        assert site.push(push("dropped"), "live").status == 200
        assert site.push(push("kept"), "sandbox").status == 200
        assert [event.environment.value for event in site.events()] == ["sandbox"]
