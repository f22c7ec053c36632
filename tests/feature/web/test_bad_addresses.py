"""Bad inputs 44 to 52 in addresses, on pages and JSON routes: refused in words or of no effect; never a 500."""

from __future__ import annotations

import base64
import re
from datetime import timedelta
from urllib.parse import quote

import pytest

from kedai.audit.service import record
from kedai.runs.service import create_run
from kedai.values.actor import SYSTEM, Actor, ActorKind
from kedai.values.environment import Environment
from tests.feature.web.site import ADMIN, SHOPEE, Site
from tests.support.installation import Answer, raw_request, request

PAGES = ("orders", "events", "events?state=rejected", "exceptions", "calls", "runs", "home", "parked/discard")
LISTS = ("orders", "events", "events?state=rejected", "exceptions", "calls", "runs")
RUNS = "/api/v1/sandbox/runs"


def with_query(path: str, query: str) -> str:
    return f"{path}{'&' if '?' in path else '?'}{query}"


@pytest.mark.parametrize("scope", ["LIVE", "Live", "prod", "live%20", "live%00", "..%2flive", "sandbox%2f..", "1", "*"])
def test_44_no_other_word_is_an_environment(shared_site: Site, scope: str) -> None:
    page, token = shared_site.page("admin"), shared_site.token("admin", "live")
    for path in PAGES:
        assert shared_site.get(f"/e/{scope}/{path}", **page).status == 404, path
    for path in ("runs", "calls", "connectors/shopee/shops", "connectors/shopee/parked-events"):
        assert shared_site.get(f"/api/v1/{scope}/{path}", **token).status == 404, path
    assert shared_site.get(f"/connectors/shopee/oauth/callback/{scope}").status == 404


@pytest.mark.parametrize("path", ["/e//orders", "//e/live/orders", "/e/live/orders/..%2f..%2faudit", "/%00"])
def test_44_what_only_resembles_an_address_leads_nowhere(shared_site: Site, path: str) -> None:
    assert shared_site.get(path, **shared_site.page("admin")).status == 404


@pytest.mark.parametrize(
    "path", ["/e/live/orders/", "/api/v1/live/runs/", f"{ADMIN}/", "/connectors/shopee/oauth/callback/"]
)
def test_44_a_slash_too_many_sends_nobody_to_the_host_that_the_request_names(shared_site: Site, path: str) -> None:
    own = f"127.0.0.1:{shared_site.port}"
    for host in (own, "evil.example"):
        for method in ("GET", "POST"):
            headers = [("Host", host), ("Authorization", "Bearer x"), ("Content-Length", "0")]
            answer = shared_site.exchange(raw_request(method, path, headers))
            assert "evil" not in answer.headers.get("location", ""), (method, host)
            assert answer.status in {404, 307}, (method, host)
            assert answer.status == 404 or answer.headers["location"].startswith(shared_site.url)


@pytest.mark.parametrize(
    "query", ["env=live&env=sandbox", "env=sandbox&env=live", "env=live&env=live", "env=live,sandbox"]
)
def test_45_whoever_names_two_environments_is_asked_which(shared_site: Site, query: str) -> None:
    """Whatever changes something, and whatever tells of one environment."""
    token, page = shared_site.token("admin", "sandbox"), shared_site.page("admin")
    for method, path in (("GET", ""), ("PATCH", ""), ("DELETE", "/secrets/partner_key"), ("GET", "/oauth/start")):
        value = {} if method == "PATCH" else None
        assert shared_site.send(method, f"{ADMIN}{path}?{query}", value, **token).status == 422, (method, path)
    for path in ("credentials", "connect", "secrets/partner_key/clear", "old-push-key/end", "shops/7001/pause"):
        answer = post(shared_site, f"/connectors/shopee/{path}?{query}", "confirm=remove&typed=7001", page)
        assert answer.status == 422, path
    to = query.replace("env=", "to=")
    assert post(shared_site, f"/connectors/shopee/switch?{to}", "confirm=live", page).status == 422
    assert shared_site.get(f"/connectors/shopee/switch?{to}", **page).status == 422


MARKUP = "<script>alert(1)</script>"


OUR_SCRIPTS = re.compile(rb'<script type="module" src="/static/[a-z]+\.js\?v=[0-9a-f]{16}"></script>')


@pytest.mark.parametrize(
    "name", ["tab", "status", "state", "shop", "q", "order", "view", "from", "changed", "trimmed", "next"]
)
def test_46_markup_in_an_address_is_never_markup_on_the_page(shared_site: Site, name: str) -> None:
    page = shared_site.page("admin")
    pages = [f"/e/all/{path}" for path in LISTS]
    pages += ["/connectors/shopee", "/connectors/shopee/parity", "/audit", "/account", "/tokens", "/staff", "/confirm"]
    for path in pages:
        answer = shared_site.get(with_query(path, f"{name}={quote(MARKUP)}"), **page)
        assert answer.status in {200, 422}, path
        assert b"<script" not in OUR_SCRIPTS.sub(b"", answer.body), path


@pytest.fixture
def runs(shared_site: Site) -> Site:
    """More runs than fit on a page of two."""
    with shared_site.runtime.web_db.write() as db:
        for number in range(5):
            now = shared_site.clock.now() + timedelta(seconds=number)
            create_run(db, "none", SHOPEE, Environment.SANDBOX, scope={}, total=None, actor=SYSTEM, now=now)
    return shared_site


def test_47_a_cursor_that_is_none_is_refused_by_every_list(shared_site: Site) -> None:
    page, token = shared_site.page("admin"), shared_site.token("admin", "sandbox")
    forged = base64.urlsafe_b64encode(b"\0" * 12 + b'["2026",1]').decode()
    for cursor in ("!!!", "x", "A" * 500, "%C3%A9", "%00", forged, quote("[0]"), "A" * 4000):
        for path in LISTS:
            answer = shared_site.get(with_query(f"/e/sandbox/{path}", f"cursor={cursor}"), **page)
            assert answer.status == 422, (path, cursor[:20])
        assert shared_site.get(f"{RUNS}?cursor={cursor}", **token).status == 422, cursor[:20]


def test_47_a_cursor_leads_on_in_its_own_list_alone(runs: Site) -> None:
    token, live = runs.token("admin", "sandbox"), runs.token("admin", "live")
    cursor = runs.get(f"{RUNS}?limit=2", **token).json()["next_cursor"]
    assert runs.get(f"{RUNS}?limit=2&cursor={cursor}", **token).status == 200
    changed = cursor[:-1] + ("A" if cursor[-1] != "A" else "B")
    for other in (
        f"{RUNS}?state=failed&cursor={cursor}",
        f"{RUNS}?cursor={changed}",
        f"{RUNS}?cursor={cursor}&cursor={cursor}x",
    ):
        assert runs.get(other, **token).status == 422, other
    assert runs.get(f"/api/v1/live/runs?cursor={cursor}", **live).status == 422
    for path in LISTS[:-1]:
        assert runs.get(with_query(f"/e/sandbox/{path}", f"cursor={cursor}"), **runs.page("viewer")).status == 422, path


def test_47_a_cursor_of_a_megabyte_never_reaches_the_application(shared_site: Site) -> None:
    """The server in front gives up on such a line, and goes on for everybody else."""
    written = raw_request("GET", f"{RUNS}?cursor={'A' * 1_000_000}", [("Host", f"127.0.0.1:{shared_site.port}")])
    assert shared_site.exchange(written).status in {0, 400, 414, 431}
    assert shared_site.get("/livez").status == 200


DAYS = (
    "from=2026-02-30",
    "from=yesterday",
    "from=2026-03-02&to=2026-03-01",
    "to=9999-12-31",
    "from=0001-01-01",
    "from=2026-1-1T00",
)


@pytest.mark.parametrize("query", DAYS)
def test_49_a_day_that_cannot_be_is_refused_with_its_name(shared_site: Site, query: str) -> None:
    """Days are asked for in the audit trail alone; a day without a zone is a day of UTC, and the page says so."""
    page = shared_site.page("admin")
    assert shared_site.get(f"/audit?{query}", **page).status == 422
    assert post(shared_site, "/audit/exports", f"format=csv&{query}", page).status == 422


@pytest.mark.parametrize(
    "instant",
    [
        "2026-02-30T00:00:00Z",
        "2026-03-01T00:00:00",
        "2026-03-01",
        "yesterday",
        "",
        "9999-12-31T23:59:59-12:00",
        "0001-01-01T00:00:00+12:00",
        "9999-12-31T23:59:59Z",
        "0001-01-01T00:00:00Z",
        "99999-01-01T00:00:00Z",
        1e300,
        -1e300,
        2**63,
        True,
    ],
)
def test_49_an_instant_that_cannot_be_is_refused_with_its_name(shared_site: Site, instant: object) -> None:
    """An instant needs a zone, and must be one until which a replaced push key may reasonably count."""
    token = shared_site.token("admin", "sandbox")
    value = {"push_partner_key": "another-push-key-of-the-tests", "old_push_key_until": instant}
    answer = shared_site.send("PATCH", f"{ADMIN}?env=sandbox", value, **token)
    assert (answer.status, answer.json()["code"]) == (422, "invalid"), answer
    assert "old_push_key_until" in answer.json()["errors"][0]["pointer"]
    assert (
        shared_site.get(f"{ADMIN}?env=sandbox", **token).json()["push_partner_key"]["fingerprint"] == "push…0001·len28"
    )


@pytest.mark.parametrize(
    "query", ["sort=partner_key_encrypted", "sort=nothing", "order_by=totp_secret_encrypted", "sort=-id", "dir=desc;--"]
)
def test_50_nothing_is_sorted_by_what_an_address_says(runs: Site, query: str) -> None:
    """No list can be sorted yet: the wish changes neither the rows nor their order, and is told by no error."""
    page, token = runs.page("admin"), runs.token("admin", "sandbox")
    for path in ("/e/all/runs", "/e/all/calls", "/e/all/orders", "/e/all/events", "/audit", "/staff", "/tokens"):
        plain, sorted_ = (runs.get(one, **page) for one in (path, with_query(path, query)))
        assert (plain.status, sorted_.status) == (200, 200)
        assert rows(plain) == rows(sorted_), path
    assert runs.get(f"{RUNS}?{query}", **token).json() == runs.get(RUNS, **token).json()


def rows(answer: Answer) -> bytes:
    return answer.body.partition(b"<tbody>")[2].partition(b"</tbody>")[0]


def test_51_percent_and_underscore_are_letters_like_others(shared_site: Site) -> None:
    page = shared_site.page("admin")
    with shared_site.runtime.web_db.write() as db:
        for name in ("odd_name%", "oddxnamex"):
            actor = Actor(ActorKind.STAFF, name, name)
            record(db, actor=actor, action="a", subject="s", environment=None, details={}, now=shared_site.clock.now())
    shared_site.push(b'{"code":3,"shop_id":7001,"timestamp":1,"data":{"ordersn":"PERCENT1","status":"X"}}')
    found = shared_site.get("/audit?who=d_name%25", **page).body
    assert (b"odd_name%" in found, b"oddxnamex" in found) == (True, False)
    for text in ("%", "_", "PERCENT_", "PERC%25", "\\"):
        assert b"PERCENT1" not in shared_site.get(f"/e/all/events?order={quote(text)}", **page).body, text
        assert rows(shared_site.get(f"/e/all/orders?q={quote(text)}", **page)) == b"", text
    assert b"PERCENT1" in shared_site.get("/e/all/events?order=PERCENT1", **page).body


PATTERNS = (
    "(a+)+$" + "a" * 40,
    "a" * 60 + "!",
    "(.*a){25}",
    "[" * 60,
    "a{1,1000}{1,1000}",
    "\\" * 60,
    "@" * 60,
    "a@" * 30,
)


@pytest.mark.parametrize("pattern", PATTERNS)
def test_52_a_text_that_is_a_costly_pattern_is_a_text(shared_site: Site, pattern: str) -> None:
    """A pattern that is tried would not end before the answer is given up (30 s)."""
    page, text = shared_site.page("admin"), quote(pattern)
    for path in (f"/audit?who={text}", f"/audit?what={text}", f"/e/all/orders?q={text}", f"/e/all/events?order={text}"):
        assert shared_site.get(path, **page).status == 200, path
    assert shared_site.get(f"/login?next=/{text * 4}").status == 200
    who = quote(pattern * 100)
    assert post(shared_site, "/login", f"email={who}&password=x", {"Sec-Fetch-Site": "same-origin"}).status == 401
    headers = {"Cookie": f"kedai-session={text * 10}", "If-Match": pattern, "X-Request-Id": pattern}
    assert shared_site.get(ADMIN, **headers).status == 401


def post(site: Site, path: str, form: str, who: dict[str, str]) -> Answer:
    """A form as a page sends it."""
    headers = {"Content-Type": "application/x-www-form-urlencoded", **who}
    return request("POST", site.url + path, headers=headers, body=form.encode())
