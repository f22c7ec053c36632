"""D44: the guides are served by the installation itself, whole, and linked where somebody needs them."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import pytest

from kedai.kit.ids import show_id
from kedai.staff.roles import Role
from kedai.web.dashboard import guides
from kedai.web.dashboard.guide_words import GROUPS, LINES
from kedai.web.dashboard.guides import Guide, find_guide, parse, read_document, title_of
from kedai.web.dashboard.render import templates
from tests.feature.dashboard.browser import Browser, Page
from tests.feature.dashboard.world import fill
from tests.support.check_docs import ROOT, anchors, broken_links
from tests.support.factories import FAKE, SANDBOX, House

DOCS = ROOT / "docs"
TEMPLATES = Path(guides.__file__).parent / "templates"
NOT_SERVED = {"reference/screens": "its pictures are not packed"}
PRINTED = {
    "a",
    "code",
    "div",
    "em",
    "h2",
    "h3",
    "li",
    "ol",
    "p",
    "pre",
    "strong",
    "table",
    "tbody",
    "td",
    "th",
    "thead",
}
PRINTED |= {"tr", "ul", "wbr", "span", "svg", "path", "button"}
USED = re.compile(r"ui\.guide\(GUIDES\.(\w+)(?:, \"([^\"]*)\")?")
NEEDED = {
    Guide.ADMIT_REJECTED_DELIVERIES: {"rejected", "rejected_one"},
    Guide.ASK_SHOPEE_SUPPORT: {"calls"},
    Guide.ASK_THE_DOCTOR: {"doctor"},
    Guide.BE_TOLD_OF_TROUBLE: {"notifications"},
    Guide.COME_FROM_THE_OLD_SYSTEM: {"_shops"},
    Guide.COMPARE_SANDBOX_AND_LIVE: {"parity"},
    Guide.CONNECT_A_SHOP: {"connection"},
    Guide.FIND_AND_MEND_GAPS: {"coverage", "backfill"},
    Guide.GET_STARTED: {"setup"},
    Guide.GO_LIVE: {"certificates", "switch"},
    Guide.HTTP: {"tokens"},
    Guide.LOOK_AFTER_EXCEPTIONS: {"exceptions", "exception"},
    Guide.LOOK_AT_AN_ORDER: {"order"},
    Guide.MANAGE_PEOPLE: {"staff"},
    Guide.MAP_SKUS: {"sku_map"},
    Guide.REBUILD_ORDERS: {"rebuilds", "rebuild"},
    Guide.REPLAY_PARKED_EVENTS: {"replays", "discard", "_parked"},
    Guide.ROTATE_KEYS: {"keys"},
    Guide.UNSEAL_A_COPY: {"quarantine"},
    Guide.WATCH_THE_SCHEDULE: {"runs", "retention"},
}
"""Where each guide is linked, by template: written out once more."""


class Article(HTMLParser):
    """The tags, ids and links of a page's guide."""

    def __init__(self, page: Page) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.ids: set[str] = set()
        self.links: list[str] = []
        (found,) = re.findall(r"<article.*?>(.*)</article>", page.text, re.DOTALL)
        self.feed(found)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.tags.add(tag)
        self.ids |= {given["id"] or ""} if "id" in given else set()
        self.links += [given["href"] or ""] if "href" in given else []


def printed(text: str, guide: Guide = Guide.GO_LIVE) -> str:
    """What the template makes of a Markdown text."""
    printer = templates("en").get_template("_guide.html").module
    return str(printer.parts(parse(text, guide).parts, "en"))  # type: ignore[attr-defined]


def test_every_document_is_served_or_left_out_for_a_reason() -> None:
    folders = ("how-to", "explanation", "reference")
    there = {f"{folder}/{path.stem}" for folder in folders for path in (DOCS / folder).iterdir()} | {"quickstart"}
    assert there == {one.value for one in Guide} | NOT_SERVED.keys()
    assert len({one.page for one in Guide}) == len(Guide), "two would share an address"
    assert LINES.keys() == set(Guide)
    assert GROUPS.keys() == {one.folder for one in Guide}


@pytest.mark.parametrize("role", list(Role))
def test_the_list_leads_to_every_guide(browser: Browser, role: Role) -> None:
    browser.sign_in(role)
    page = browser.get("/help")
    assert page.status == 200
    assert re.findall(r'<li><a href="(/help/[^"]+)">', page.text.partition("<main")[2]) == [one.href for one in Guide]
    for one in Guide:
        assert title_of(one) in page.words
        assert LINES[one] in page.words


def test_every_guide_is_a_page_and_each_of_its_links_leads_somewhere(admin: Browser) -> None:
    read = {one.href: (page := admin.get(one.href), Article(page)) for one in Guide}
    linked: Counter[Guide] = Counter()
    for guide in Guide:
        page, article = read[guide.href]
        assert page.status == 200, guide
        assert page.title == f"[SANDBOX · viewing ALL] {title_of(guide)} · Kedai"
        assert [html.unescape(one) for one in re.findall(r"<h1.*?>(.*?)</h1>", page.text)] == [title_of(guide)]
        assert article.tags <= PRINTED, guide
        every_id = re.findall(r'\bid="([^"]*)"', page.text)
        assert len(set(every_id)) == len(every_id), guide
        assert article.ids >= anchors((DOCS / f"{guide}.md").read_text().partition("\n")[2]), guide
        for link in article.links:
            address, _, anchor = link.partition("#")
            if not link.startswith("https://"):
                assert address in read or not address, (guide, link)
                assert not anchor or anchor in (read[address][1] if address else article).ids, (guide, link)
                linked[guide] += 1
    assert linked.total() > 80, "and most of them are links still"


def test_what_is_not_served_is_no_link() -> None:
    text = "[how](go-live.md#back) [why](../decisions/0001-one-way-imports.md), [all](../README.md#decisions)."
    assert printed(text) == '<p><a href="/help/go-live#back">how</a> why, all.</p>'
    assert printed("[out](https://a.example)").startswith(
        '<p><a class="outside" href="https://a.example" target="_blank"'
    )


def test_raw_html_and_scripts_in_links_are_text() -> None:
    shown = printed("<script>alert(1)</script>\n\na <b onclick=x>b</b> [c](javascript:alert) `<i>`\n\n```\n<u>\n```\n")
    assert set(re.findall(r"<(\w+)", shown)) == {"p", "code", "div", "pre", "button", "svg", "path"}
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "[c](javascript:alert)" in shown
    assert 'data-copy="&lt;u&gt;"' in shown


def test_markdown_is_printed_as_it_is_meant() -> None:
    assert printed("## Take `a b` away\n\none\n*two*") == (
        '<h2 id="take-a-b-away">Take <code>a b</code> away</h2><p>one\n<em>two</em></p>'
    )
    assert printed("`a/<b>`") == "<p><code>a/<wbr>&lt;b&gt;</code></p>"
    assert printed("1. one\n2. **two**") == "<ol><li>one</li><li><strong>two</strong></li></ol>"
    shown = printed("| a | b |\n|---|--:|\n| `x` | y |")
    assert '<thead><tr><th scope="col">a</th><th scope="col">b</th></tr></thead>' in shown
    assert "<tbody><tr><td><code>x</code></td><td>y</td></tr></tbody>" in shown
    assert "style" not in shown, "our policy would refuse it"


def test_an_unknown_guide_is_not_found(admin: Browser) -> None:
    for page in ("nothing", "..%2fREADME", "..%2f..%2fpyproject", "%00", "go-live%00", "screens", "GO-LIVE", "Guide"):
        answer = admin.get(f"/help/{page}")
        assert answer.status == 404, page
        assert "Nothing was found here" in answer.words
        assert "/help" in answer.links() or "%2f" in page, "who asked is signed in still"


def test_who_is_not_signed_in_signs_in_first(browser: Browser) -> None:
    for address in ("/help", *(one.href for one in Guide)):
        answer = browser.get(address)
        assert (answer.status, answer.location.partition("=")[0]) == (303, "/login?next"), address


def test_a_long_guide_begins_with_its_sections_and_a_short_one_does_not(admin: Browser) -> None:
    page = admin.get(Guide.CONNECT_A_SHOP.href)
    sections = read_document(Guide.CONNECT_A_SHOP).sections
    assert "On this page" in page.words
    assert [f"#{anchor}" for anchor, _text in sections] == re.findall(
        r'<li><a href="(#[^"]*)">', page.text.partition("<article")[0].partition("<main")[2]
    )
    assert "On this page" not in admin.get(Guide.ASK_SHOPEE_SUPPORT.href).words


def test_on_a_page_in_another_language_a_guide_says_that_it_is_in_english(admin: Browser) -> None:
    page = admin.get(Guide.GO_LIVE.href, accept_language="id")
    assert '<html lang="id"' in page.text
    assert '<article class="card guide" lang="en">' in page.text
    assert '<h1 lang="en">Go live</h1>' in page.text
    assert "Panduan ditulis dalam bahasa Inggris." in page.words
    assert "The guides are in English." not in admin.get(Guide.GO_LIVE.href).words


def test_a_guide_is_read_once_and_none_before_it_is_asked_for() -> None:
    assert read_document(Guide.HTTP) is read_document(Guide.HTTP)
    code = "import sys, kedai.web.app; print(sorted(one for one in sys.modules if one.startswith('markdown_it')))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_every_link_of_a_template_names_a_guide_and_a_section_of_it() -> None:
    used: dict[Guide, set[str]] = {}
    for template in sorted(TEMPLATES.glob("*.html")):
        text = template.read_text()
        assert text.count("ui.guide(") == len(USED.findall(text)), template.name
        for name, section in USED.findall(text):
            used.setdefault(Guide[name], set()).add(template.stem)
            assert not section or section in dict(read_document(Guide[name]).sections), (template.name, section)
    assert used == NEEDED


def test_pages_link_their_guide(house: House, admin: Browser) -> None:
    assert Guide.COME_FROM_THE_OLD_SYSTEM.href in admin.get(f"/connectors/{FAKE}?tab=live").links()
    fill(house)
    order = show_id("ord", house.orders(SANDBOX)[0].id)
    for address, href in {
        f"/connectors/{FAKE}?tab=sandbox": Guide.CONNECT_A_SHOP.href,
        f"/connectors/{FAKE}/certificates?env=live": f"{Guide.GO_LIVE.href}#the-checks",
        f"/connectors/{FAKE}/switch?to=live": Guide.GO_LIVE.href,
        f"/connectors/{FAKE}/parity": Guide.COMPARE_SANDBOX_AND_LIVE.href,
        "/e/sandbox/events?state=rejected": Guide.ADMIT_REJECTED_DELIVERIES.href,
        "/e/live/events?state=parked": Guide.REPLAY_PARKED_EVENTS.href,
        "/e/live/replays": Guide.REPLAY_PARKED_EVENTS.href,
        "/e/all/exceptions": Guide.LOOK_AFTER_EXCEPTIONS.href,
        f"/e/sandbox/orders/{order}": Guide.LOOK_AT_AN_ORDER.href,
        "/e/sandbox/sku-map": Guide.MAP_SKUS.href,
        "/e/all/runs": Guide.WATCH_THE_SCHEDULE.href,
        "/e/sandbox/coverage": Guide.FIND_AND_MEND_GAPS.href,
        "/e/sandbox/backfill": Guide.FIND_AND_MEND_GAPS.href,
        "/e/sandbox/rebuilds": Guide.REBUILD_ORDERS.href,
        "/e/all/calls": Guide.ASK_SHOPEE_SUPPORT.href,
        "/staff": Guide.MANAGE_PEOPLE.href,
        "/tokens": Guide.HTTP.href,
        "/settings/keys": Guide.ROTATE_KEYS.href,
        "/settings/notifications": Guide.BE_TOLD_OF_TROUBLE.href,
        "/settings/retention": f"{Guide.WATCH_THE_SCHEDULE.href}#what-is-forgotten",
        "/quarantine": Guide.UNSEAL_A_COPY.href,
        "/doctor": Guide.ASK_THE_DOCTOR.href,
        "/setup": Guide.GET_STARTED.href,
    }.items():
        page = admin.get(address)
        assert page.status == 200, address
        assert f'<a class="guide-link" href="{href}">' in page.text, address
        assert "/help" in page.links(), address


def test_the_files_of_the_guides_are_sound() -> None:
    """What the pages leave out of a link that leads nowhere is seen here and by `make check`."""
    assert list(broken_links(DOCS / f"{one}.md" for one in Guide)) == []
    assert find_guide("go-live") is Guide.GO_LIVE
