"""T41, every page: its environment unmistakable, its rows labelled, nothing in it that could run.

What operators expect: D1, D2, D8, D9, D10, D12, D13, D25.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from importlib.resources import files

import pytest

from kedai.kit.ids import show_id
from kedai.staff.roles import Role
from kedai.staff.service import create_api_token
from tests.feature.dashboard.browser import Browser, Page, store_orders
from tests.feature.dashboard.world import POLYGLOT, fill
from tests.support.factories import ANNA, FAKE, LIVE, SANDBOX, SHOP, House, snapshot

LISTS = ("home", "orders", "events", "events?state=rejected", "exceptions?state=all", "runs", "calls")
CONNECTION = f"/connectors/{FAKE}"


@pytest.fixture
def world(house: House) -> House:
    """Both environments filled, sandbox active."""
    return fill(house)


def addresses(world: House) -> list[str]:
    """Every page there is to look at."""
    order, event = world.orders(SANDBOX)[0], world.events(SANDBOX)[0]
    return [
        "/login",
        *(f"/e/{scope}/{name}" for scope in ("sandbox", "live", "all") for name in LISTS),
        f"/e/sandbox/orders/{show_id('ord', order.id)}",
        f"/e/all/orders/{show_id('ord', order.id)}",
        f"/e/sandbox/events/{show_id('evt', event.id)}",
        f"/e/sandbox/events/{show_id('evt', event.id)}?view=raw",
        CONNECTION,
        f"{CONNECTION}?tab=sandbox",
        f"{CONNECTION}?tab=live",
        f"{CONNECTION}/switch?to=live",
        f"{CONNECTION}/secrets/partner_key/clear?env=live",
        *("/account", "/account/password", "/confirm", "/staff", "/tokens", "/audit", "/audit?env=live"),
        f"{CONNECTION}/parity",
        f"{CONNECTION}/parity/copy?to=live",
        "/quarantine",
        "/e/live/orders/ord_00000000000000000000000000000000",
        "/no/such/page",
    ]


def assert_is_a_page(page: Page, address: str) -> None:
    """What holds everywhere."""
    assert page.text.count("data-env=") == 1, address
    assert re.search(r'<body data-env="(sandbox|live|all)"', page.text), address
    assert page.title.startswith("[SANDBOX"), (address, page.title)
    assert "SANDBOX" in page.words.upper(), address
    assert 'class="banner banner-sandbox"' in page.text, address
    assert "/static/favicon-sandbox.svg" in page.text, address
    assert not re.search(r"<script|<style|\sstyle=|\son[a-z]+=\"", page.markup), address
    assert page.headers["content-security-policy"].startswith("default-src 'none'"), address
    assert page.headers["cache-control"] == "no-store", address


def test_each_page_says_what_is_active_and_what_is_viewed(world: House, admin: Browser) -> None:
    for address in addresses(world)[1:]:
        page = admin.get(address)
        assert page.status in {200, 404}, (address, page.status, page.words)
        assert_is_a_page(page, address)
        viewed = re.search(r'data-env="(\w+)"', page.text).group(1)  # type: ignore[union-attr]
        assert ("You are viewing" in page.words) == (viewed != "sandbox"), address


def test_d1_live_is_told_by_more_than_its_colour(world: House, admin: Browser) -> None:
    """Text, icon, title and favicon are live's own; and so is the ground, which is striped in the sandbox."""
    banner = r'<div class="banner banner-(\w+)".*?<p class="active-env"><svg class="icon".*?<path d="([^"]+)"'
    sheet = files("kedai.web.dashboard").joinpath("static/kedai.css").read_text()
    seen = []
    for environment in (SANDBOX, LIVE):
        world.switch(environment)
        page = admin.get("/e/all/orders")
        found = re.search(banner, page.text, re.DOTALL)
        assert found is not None
        assert found[1] == environment.value
        assert f"{environment.value.title()} is active" in page.words
        assert page.title.startswith(f"[{environment.value.upper()}")
        assert f"/static/favicon-{environment.value}.svg" in page.text
        ground = re.search(rf"\.banner-{environment.value}\b[^{{]*{{([^}}]*)}}", sheet)
        assert ground is not None
        seen.append((found[2], ground[1]))
    (sandbox_icon, sandbox_ground), (live_icon, live_ground) = seen
    assert sandbox_icon != live_icon
    assert "repeating-linear-gradient" in sandbox_ground
    assert "background: var(--live);" in live_ground
    assert "real orders, real money" in page.words


def test_the_login_page_has_the_banner_too(world: House, browser: Browser) -> None:
    page = browser.get("/login")
    assert_is_a_page(page, "/login")
    assert "Main" not in re.findall(r'aria-label="(\w+)"', page.text)


def test_nothing_stored_is_ever_markup(world: House, admin: Browser) -> None:
    """A polyglot stands in every text that strangers write to; no page may hand it on as it is."""
    seen = 0
    for address in addresses(world):
        page = admin.get(address)
        assert "<script" not in page.markup, address
        assert "<img" not in page.text, address
        assert "49" not in re.findall(r"\b49\b", page.words), address
        seen += POLYGLOT.split("{{")[0][:20] in page.words
    assert seen >= 8, "the polyglot is shown as text where it belongs"


@pytest.mark.parametrize("name", [name for name in LISTS if name != "home"])
def test_each_row_names_its_environment(world: House, admin: Browser, name: str) -> None:
    for scope, wanted in (("sandbox", {"sandbox"}), ("live", {"live"}), ("all", {"sandbox", "live"})):
        rows = admin.get(f"/e/{scope}/{name}").rows()
        assert rows, scope
        badges = [set(re.findall(r'class="env env-(\w+)"', row)) for row in rows]
        assert all(len(found) == 1 for found in badges), scope
        assert set().union(*badges) == wanted, scope


def test_lists_of_one_environment_never_hold_the_others(world: House, admin: Browser) -> None:
    for name in LISTS:
        assert "SANDBOX0" not in admin.get(f"/e/live/{name}").words, name
        assert "LIVE0" not in admin.get(f"/e/sandbox/{name}").words, name


def test_a_link_of_one_environment_never_opens_the_others_row(world: House, admin: Browser) -> None:
    for path in (
        f"orders/{show_id('ord', world.orders(LIVE)[0].id)}",
        f"events/{show_id('evt', world.events(LIVE)[0].id)}",
    ):
        assert admin.get(f"/e/sandbox/{path}").status == 404
        assert admin.get(f"/e/live/{path}").status == 200
        assert admin.get(f"/e/all/{path}").status == 200


@pytest.mark.parametrize("scope", ["LIVE", "prod", "sandbox%00", "..", "livee"])
def test_other_scopes_are_no_place(world: House, admin: Browser, scope: str) -> None:
    assert admin.get(f"/e/{scope}/orders").status == 404


@pytest.mark.parametrize(
    "query",
    [
        "cursor=x",
        "cursor=" + "A" * 600,
        "cursor=" + "A" * 900,
        "q=a&q=b",
        "tab=%3Cscript%3E",
        "shop=" + "9" * 300,
        "q=%00",
        "shop=%00",
    ],
)
def test_a_bad_filter_is_said_kindly(world: House, admin: Browser, query: str) -> None:
    page = admin.get(f"/e/sandbox/orders?{query}")
    assert page.status in {200, 422}
    assert "<script" not in page.markup
    assert page.status == 200 or "Request ID" in page.words


def test_home_puts_what_is_wrong_first(world: House, admin: Browser) -> None:
    words = admin.get("/e/sandbox/home").words
    assert words.index("Health") < words.index("Orders Sandbox")
    assert "Exceptions: 1 new one" in words
    assert "Show exceptions" in words
    live = admin.get("/e/live/home").words
    assert "3 parked events wait" in live
    assert "They wait until this environment is active again." in live


def test_home_leads_a_fresh_installation(house: House, admin: Browser) -> None:
    page = admin.follow(admin.get("/"))
    assert page.title == "[SANDBOX] Home · Kedai"
    assert "Fake is not set up yet" in page.words
    assert "1 of 13 steps to the first live order are done" in page.words
    assert {"/setup", f"{CONNECTION}?tab=sandbox"} <= set(page.links())


def test_a_silent_worker_is_noticed(world: House, admin: Browser) -> None:
    """Work that has been due for minutes means that nobody works."""
    assert "nothing works on them" not in admin.get("/e/all/home").words
    world.clock.advance(timedelta(minutes=10))
    assert "Events have been waiting for 12 min and nothing works on them" in admin.get("/e/all/home").words


def test_orders_have_the_sellers_words_and_unknown_ones_raw(world: House, admin: Browser) -> None:
    page = admin.get("/e/sandbox/orders")
    assert "All 3 Unpaid 0 To ship 1 Shipping 0 To return 0 Completed 1 Cancelled 0 Other 1" in page.words
    assert "SOMETHING_NEW" in page.words
    other = admin.get("/e/sandbox/orders?tab=other")
    assert len(other.rows()) == 1
    assert "SANDBOX1" in other.rows()[0]


def test_the_buyer_is_masked_in_list_detail_and_answer(world: House, admin: Browser) -> None:
    order = world.orders(SANDBOX)[0]
    for address in ("/e/sandbox/orders", f"/e/sandbox/orders/{show_id('ord', order.id)}"):
        page = admin.get(address)
        assert "sandbox-buyer" not in page.text
        assert "s****" in page.words


def test_an_order_tells_money_lines_timeline_and_what_announced_it(world: House, admin: Browser) -> None:
    order = next(one for one in world.orders(SANDBOX) if one.order_sn == "SANDBOX0")
    page = admin.get(f"/e/sandbox/orders/{show_id('ord', order.id)}")
    for part in ("SGD 1,234.50", "SGD 12.50", "Ready to ship", "push 3", "Stored answers 1 different", "Last fetched"):
        assert part in page.words, part
    assert "&#34;order_sn&#34;: &#34;SANDBOX0&#34;" in page.text


def test_an_event_shows_its_bytes_its_key_and_its_order(world: House, admin: Browser) -> None:
    event = next(one for one in world.events(SANDBOX) if one.order_sn == "SANDBOX0")
    here = f"/e/sandbox/events/{show_id('evt', event.id)}"
    page = admin.get(here)
    assert (
        '<pre class="payload" tabindex="0" role="region" aria-label="Payload">{\n  &#34;order&#34;: true\n}</pre>'
        in page.text
    )
    assert 'data-copy-below="Payload"' in page.text
    assert "Verified with the current push key of Sandbox" in page.words
    assert any(link.startswith("/e/sandbox/orders/ord_") for link in page.links())
    assert "{&#34;order&#34;: true}" in admin.get(f"{here}?view=raw").text


def test_d9_a_row_of_the_inbox_says_what_one_needs(world: House, admin: Browser) -> None:
    (row,) = [one for one in admin.get("/e/sandbox/events").rows() if "SANDBOX0" in one]
    told = dict(re.findall(r'<t[dh][^>]* data-label="(\w+)"[^>]*>(.*?)</t[dh]>', row, re.DOTALL))
    words = {label: replace(Page(200, {}, ""), text=part).words for label, part in told.items()}
    assert words["Event"] == "push 3 3", "its name, and its code"
    assert words["Environment"] == "Sandbox"
    assert (words["Order"], words["Shop"], words["Signature"]) == ("SANDBOX0", SHOP, "current key")
    assert (words["State"], words["Tries"], words["Received"]) == ("Received", "0", "just now")


def test_d17_a_filter_is_its_address(world: House, admin: Browser) -> None:
    """Who is given the link sees the same list and the filter in its form, and takes it off again."""
    for path, rows in (("events?order=SANDBOX0", 1), ("orders?q=SANDBOX0", 1), ("orders?tab=other", 1)):
        page = admin.get(f"/e/sandbox/{path}")
        assert len(page.rows()) == rows, path
        name, _, value = path.partition("?")[2].partition("=")
        content = replace(page, text=page.text.partition("<main")[2])
        assert name == "tab" or content.value(name) == value, path
        assert f"/e/sandbox/{path.partition('?')[0]}" in page.links(), path
    assert admin.get("/e/sandbox/orders?tab=other").text.count('aria-current="page"') >= 1


def test_d26_an_error_says_what_why_what_to_do_and_its_id(world: House, admin: Browser) -> None:
    page = admin.get("/e/live/orders/ord_00000000000000000000000000000000")
    assert page.status == 404
    assert "Nothing was found here" in page.words
    assert "There is no such order here." in page.words
    assert "A link of one environment never opens the other's data." in page.words
    for part in ("value", "data-copy"):
        assert f'{part}="{page.headers["x-request-id"]}"' in page.text, part


def test_rejected_deliveries_tell_the_reason(world: House, admin: Browser) -> None:
    page = admin.get("/e/sandbox/events?state=rejected")
    assert "The signature fits none of this environment's push keys and URLs." in page.words


def test_empty_lists_teach_and_filtered_ones_say_so(house: House, admin: Browser) -> None:
    house.configure(SANDBOX)
    house.connect(SANDBOX, SHOP)
    for name, teaching in (
        ("orders", "Orders appear by themselves"),
        ("events", "The marketplace sends a push"),
        ("events?state=rejected", "Every delivery so far was signed"),
        ("exceptions", "No trouble so far"),
        ("runs", "No runs yet"),
        ("calls", "Nothing was asked yet"),
    ):
        assert teaching in admin.get(f"/e/sandbox/{name}").words, name
    fill(house)
    assert "No order matches" in admin.get("/e/sandbox/orders?q=nothing").words
    assert "No event matches" in admin.get("/e/sandbox/events?order=nothing").words


def test_a_long_list_goes_on_and_back(house: House, admin: Browser) -> None:
    fill(house)
    store_orders(house, *(snapshot(f"MANY{number:03}") for number in range(60)))
    first = admin.get("/e/sandbox/orders")
    assert len(first.rows()) == 50
    older = next(link for link in first.links() if "cursor=" in link)
    second = admin.get(older)
    assert len(second.rows()) == 13
    assert "/e/sandbox/orders" in second.links()


def test_a_viewer_sees_all_and_may_do_nothing(world: House, browser: Browser) -> None:
    browser.sign_in(Role.VIEWER)
    page = browser.get(f"{CONNECTION}?tab=sandbox")
    assert page.status == 200
    content = page.text.partition("<main")[2]
    assert re.findall(r'<form[^>]*action="([^"]*)"', content) == [f"{CONNECTION}/credentials?env=sandbox"]
    assert "<fieldset disabled>" in page.text
    for path in (
        f"{CONNECTION}/credentials?env=sandbox",
        f"{CONNECTION}/connect?env=sandbox",
        f"{CONNECTION}/switch?to=live",
        f"{CONNECTION}/secrets/partner_key/clear?env=live",
        f"{CONNECTION}/shops/{SHOP}/confirm?env=sandbox",
        "/e/sandbox/events/replay-parked",
        f"/e/live/events/{show_id('evt', world.events(LIVE)[0].id)}/replays",
    ):
        assert browser.post(path, {"version": "1"}).status == 403, path


def test_a_program_gets_no_pages(world: House, browser: Browser) -> None:
    """A token is bound to one environment; a page could show it the other."""
    with world.db.write() as db:
        _row, text = create_api_token(db, "p", role=Role.ADMIN, environment=SANDBOX, actor=ANNA, now=world.now)
    for address in ("/e/live/orders", "/e/sandbox/orders", CONNECTION):
        assert browser.get(address, authorization=f"Bearer {text.reveal()}").status == 403, address
