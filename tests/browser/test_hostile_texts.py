"""T24, T25: whatever strangers write into whatever is stored, on every page it is text, and nothing of it runs."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, BrowserContext, Error
from playwright.sync_api import Route as Asked

from kedai.web.app import create_app
from tests.browser.hostile_world import POISON, Hostile, foreign_columns, marker_of, open_hostile
from tests.feature.dashboard.test_every_page_is_labelled import NO_PAGES
from tests.feature.web.routes import SAFE, Route, framework_of, routes_of

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]

LISTEN = """
window.__reports = [];
document.addEventListener('securitypolicyviolation', one =>
    window.__reports.push(`${one.violatedDirective} refuses ${one.blockedURI}`));
"""
HARM = """() => {
    const told = [...(window.__reports ?? [])];
    if (window.__ran !== undefined) told.push(`ran: ${window.__ran}`);
    const ours = new Set(['http:', 'https:']);
    for (const one of document.querySelectorAll('*')) {
        for (const { name, value } of one.attributes) {
            const leads = ['href', 'src', 'action', 'formaction', 'data-live'].includes(name);
            const place = leads ? new URL(value, location.href) : null;
            if (/^(on|srcdoc|hx-|xlink)/.test(name) || (name === 'style' && !one.closest('.uplot'))
                || (leads && (!ours.has(place.protocol) || place.host.startsWith('evil')))) {
                told.push(`${one.tagName} ${name}=${value.slice(0, 80)}`);
            }
        }
    }
    const strange = 'iframe, base, img, meta[http-equiv], style, script:not([src^="/static/"])';
    for (const one of document.querySelectorAll(strange)) {
        if (!one.closest('.uplot')) told.push(one.outerHTML.slice(0, 120));
    }
    return told;
}"""
"""What a page must not have: something that ran, was refused by the policy, or became an element or an address."""

FORMS = """() => [...document.forms].flatMap(form => [form, ...form.querySelectorAll('[formaction]')].map(one => [
    one.formMethod || form.method, new URL(one.getAttribute('formaction') ?? form.action).pathname]))"""
"""Method and address of each form, and of each button that sends its form elsewhere."""

LOOKS = {
    "/e/{scope}/events": ("?state=rejected", "?state=parked"),
    "/e/{scope}/exceptions": ("?state=all", "?state=resolved"),
    "/e/{scope}/sku-map": ("?suggest=yes",),
    "/e/{scope}/calls": ("?outcome=failed",),
    "/e/{environment}/events/{event_id}": ("?view=raw",),
    "/connectors/{name}": ("?tab=live",),
    "/search": ("?q=SANDBOX0", "?q=javascript:"),
}
"""What else some addresses ask for: other rows, other columns."""

NEEDS = {"/settings/notifications/new": "?kind=email"}
"""What some addresses must ask for."""


ON_NO_PAGE = {
    *("active_environment.updated_by", "sku_map.updated_by", "go_live_certificate.checked_by", "audit.actor_id"),
    *("auth_token.lease_by", "merchant_token.lease_by", "raw_event.lease_by", "run.lease_by", "process.host"),
    *("auth_token.refresh_intent_by", "merchant_token.refresh_intent_by"),
    *("environment_seal.found", "exception_order.subject", "order_escrow_line.sku", "order_package.items"),
    *("order_package_change.before", "channel_listing.sku_set_by", "notification_condition.title"),
    *("notification_channel.created_by", "notification_channel.paused_by", "notification_delivery.lease_by"),
}
"""Poisoned like all others, and shown by no page, or not in this world."""


@pytest.fixture(scope="module")
def hostile(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hostile]:
    with open_hostile(sqlite_template, tmp_path_factory.mktemp("hostile")) as opened:
        yield opened


@pytest.fixture
def window(chromium: Browser, hostile: Hostile) -> Iterator[Window]:
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(15_000)
    yield Window(context, hostile)
    context.close()


@pytest.fixture(scope="module")
def walked(chromium: Browser, hostile: Hostile) -> Iterator[Window]:
    """A window that has seen every page there is."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(15_000)
    window = Window(context, hostile)
    for path in addresses(hostile):
        window.look(path)
    window.reveal(f"/e/sandbox/orders/{hostile.ids['order_id']}")
    yield window
    context.close()


def test_every_text_column_that_is_not_our_own_holds_the_poison(hostile: Hostile) -> None:
    """A new column or table that nobody poisoned, and nobody declared to be our own, is named here."""
    with closing(sqlite3.connect(hostile.file)) as connection:
        clean = [
            str(column)
            for column in foreign_columns()
            if not connection.execute(
                f'SELECT 1 FROM "{column.table.name}" WHERE instr("{column.name}", \'window.__ran\') > 0'
            ).fetchone()
        ]
    assert clean == []
    assert len(foreign_columns()) > 80


def test_nothing_that_strangers_wrote_runs_on_any_page(walked: Window) -> None:
    assert walked.complaints == []
    hidden = {str(one) for one in foreign_columns() if marker_of(one) not in walked.columns}
    assert hidden - ON_NO_PAGE == set(), "no page was seen to show these: is it poisoned where it is shown?"


def test_t26_every_form_posts_to_a_route_that_is_known_to_change_something(walked: Window, hostile: Hostile) -> None:
    """Whatever stands in the forms: an address made of a stranger's text would lead elsewhere."""
    routes = [one for one in all_routes(hostile) if not one.is_json]
    changing = {one.path for one in routes if one.method not in SAFE}
    reading = {one.path for one in routes if one.method == "GET"}
    astray = [
        (method, path)
        for method, path in walked.forms
        if not any(leads_to(route, path) for route in (changing if method == "post" else reading))
    ]
    assert astray == []
    assert len({path for method, path in walked.forms if method == "post"}) > 30


def test_what_somebody_types_comes_back_as_text(window: Window, hostile: Hostile) -> None:
    """In a filter, in an address, and in a form that is refused."""
    typed = quote(POISON[:900])
    for path in ("/search?q=", "/e/all/orders?q=", "/e/all/events?state=", "/audit?actor=", "/e/all/exceptions?code="):
        window.look(path + typed, may_be_refused=True)
    for path in ("/connectors/fake?env=sandbox&status=", "/connectors/fake?tab=", "/login?next=", "/no/such/page?"):
        window.look(path + typed, may_be_refused=True)
    window.look("/staff")
    window.page.locator("#email").evaluate("one => { one.type = 'text'; one.removeAttribute('maxlength') }")
    window.page.get_by_label("E-mail address").fill(POISON[:900])
    window.page.get_by_role("button", name="Add", exact=True).click()
    window.judge()
    assert window.complaints == []


def test_the_policy_stops_what_no_escaping_stopped(window: Window) -> None:
    """The second wall: even an element that got into a page runs nothing, and loads nothing."""
    window.look("/e/all/orders")
    window.page.evaluate(
        """() => {
            const one = document.createElement('script');
            one.textContent = 'window.__ran = 1';
            const other = document.createElement('div');
            other.innerHTML = '<img src="//evil.example/i" onerror="window.__ran = 2">';
            document.body.append(one, other);
        }"""
    )
    window.judge()
    refused = [one for one in window.complaints if " refuses " in one]
    assert [word for word in ("script-src-elem", "script-src-attr", "img-src") if word not in str(refused)] == []
    assert not any("ran: " in one for one in window.complaints)


@pytest.mark.parametrize("place", ["<p>{}</p>", '<p title="{}">', "<p title='{}'>", "<textarea>{}</textarea>"])
def test_the_poison_works_where_nobody_escapes_it(chromium: Browser, place: str) -> None:
    """That nothing is found must not come from a poison that is none, nor from looking away."""
    staying = POISON.replace("http-equiv=refresh", "name=x")
    page = chromium.new_page()
    page.route("**/*", lambda route: route.abort() if "evil" in route.request.url else _answer(route, place, staying))
    page.goto("http://127.0.0.1:9/", timeout=10_000)
    told = page.evaluate(HARM)
    page.close()
    assert any(one.startswith("ran: ") for one in told)
    assert any("srcdoc" in one for one in told)


def _answer(route: Asked, place: str, text: str) -> None:
    route.fulfill(content_type="text/html", body=place.format(text))


def all_routes(hostile: Hostile) -> list[Route]:
    return routes_of(framework_of(create_app(hostile.house.runtime)))  # type: ignore[arg-type]


def leads_to(route: str, path: str) -> bool:
    return re.fullmatch(re.sub(r"\{\w+(:\w+)?\}", "[^/]+", route), path) is not None


def addresses(hostile: Hostile) -> list[str]:
    """Every page of the route table, and what else its address may ask for."""
    pages = [one.path for one in all_routes(hostile) if one.method == "GET" and not one.path.startswith(NO_PAGES)]
    found = []
    for path in pages:
        if path.endswith("/live") or "export" in path:
            continue
        scope = "all" if "{scope}" in path else "sandbox"
        ids = {**hostile.ids, "scope": scope, **({"run_id": hostile.ids["rebuild_id"]} if "rebuild" in path else {})}
        usual = "?env=sandbox&to=live&tab=sandbox" if path.startswith("/connectors/") else ""
        found += [path.format(**ids) + look for look in (NEEDS.get(path, usual), *LOOKS.get(path, ()))]
    assert len(found) > 45
    return found


class Window:
    """A window that notices whatever a text could do."""

    def __init__(self, context: BrowserContext, hostile: Hostile) -> None:
        name, value = hostile.cookie
        context.add_cookies([{"name": name, "value": value, "url": hostile.url}])
        context.add_init_script(LISTEN)
        self.page = context.new_page()
        self.url = hostile.url
        self.columns: set[str] = set()
        self.forms: set[tuple[str, str]] = set()
        self.complaints: list[str] = []
        self._path = ""
        self.page.on(
            "console",
            lambda one: self._tell(
                one.text if one.type in {"error", "warning"} and "status of 4" not in one.text else ""
            ),
        )
        self.page.on("dialog", lambda one: self._tell(f"dialog: {one.message}"))
        self.page.on("pageerror", lambda one: self._tell(f"error: {one}"))
        self.page.on("request", lambda one: self._tell("" if one.url.startswith(self.url) else f"asks {one.url}"))

    def look(self, path: str, *, may_be_refused: bool = False) -> None:
        """Open a page and whatever is folded on it; note which columns' poison can be read there."""
        self._path = path
        answer = self.page.goto(self.url + path)
        assert answer is not None
        self._tell("" if answer.ok or may_be_refused else f"answers {answer.status}")
        self.judge()

    def judge(self) -> None:
        """Look at the page that is open."""
        try:
            self.page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
            found, text = self.page.evaluate(HARM), self.page.evaluate("document.body.textContent")
            self.forms |= {(method, path) for method, path in self.page.evaluate(FORMS)}
        except Error as error:
            found, text = [f"is led away: {error.message[:80]}"], ""
        for harm in found:
            self._tell(harm)
        self._tell("a template's braces were read" if "9359" in text else "")
        self.columns |= set(re.findall(r"§([\w.]+)§", text))

    def reveal(self, path: str) -> None:
        """Open an order with the personal data that pages hide."""
        self.look(path)
        self.page.get_by_role("button", name="Show in full").click()
        self.judge()

    def _tell(self, harm: str) -> None:
        if harm:
            self.complaints.append(f"{self._path}: {harm}")
