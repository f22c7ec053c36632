"""The pages in other languages: whose is taken, what is put in stays escaped, and no text is left out."""

from __future__ import annotations

import re
from gettext import NullTranslations
from html.parser import HTMLParser

import pytest

from kedai.notifications.channels import ChannelKind
from kedai.web.dashboard.language import Speech, languages
from tests.feature.dashboard.browser import Browser
from tests.feature.dashboard.test_every_page_is_labelled import addresses, ids, pages  # noqa: F401 - a fixture
from tests.feature.web.routes import SAMPLES, framework_of, routes_of
from tests.support.factories import FAKE

PSEUDO = "qps"
STAYING = ("/logout", "/account/sessions", "/account/password", "/staff")
"""Forms that could end the session of whoever walks."""
LATIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
OTHER = "αβψδεφγηιξκλμνοπϙρστθωςχυζΑΒΨΔΕΦΓΗΙΞΚΛΜΝΟΠϘΡΣΤΘΩΣΧΥΖ"
KEPT = re.compile(r"(%\(\w+\)s|%%|<[^>]+>|&\w+;)")
SILENT = frozenset({"script", "style", "svg", "pre", "code", "bdi", "kbd", "textarea"})
SPOKEN = frozenset({"title", "aria-label", "placeholder", "data-label", "alt", "data-one", "data-many"})
DATA = re.compile(
    r"\d\d [A-Z][a-z]{2} \d\d:\d\d|[0-9a-f]{32}|https?://\S+|\S+@\S+|api\.\S+|fake_\w+"  # what it is
    r"|\b(KEDAI_\w+|SANDBOX\d|LIVE\d|SGD|UTC|MiB|GET|POST|GLOBAL)\b"
    r"|\b(synchronous|fsync|full_page_writes|synchronous_commit)\b"
    r"|\b(Kedai|Fake|Sandbox|Live|SANDBOX|LIVE|ALL|English|Bahasa Indonesia|Pseudo|viewing)\b"  # names
    r"|\b(good|info|warn|bad|current|live|fake|push \d+|kedai \w+)\b"  # codes, shown as they are
    r"|\b(Shop 7001|Partner ID|(Push p|P|p)artner key|Shop ID|Region|Host|Default [a-z ]+ID)"  # the test's marketplace
)
"""What no catalogue translates."""


class PseudoTexts(NullTranslations):
    """Every message in letters of another script, so that whatever is not translated stands out."""

    def gettext(self, message: str) -> str:
        table = str.maketrans(LATIN, OTHER)
        return "".join(one if KEPT.fullmatch(one) else one.translate(table) for one in KEPT.split(message))

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


class Texts(HTMLParser):
    """What a person reads or hears of a page, but for what is marked as data."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        is_data = given.get("translate") == "no" or "id" in (given.get("class") or "").split() or is_english(given)
        if tag in SILENT or self._silent or is_data:
            if tag not in {"br", "input", "img", "wbr", "rect", "path"}:
                self._silent.append(tag)
        else:
            self.found += [value or "" for name, value in attrs if name in SPOKEN]

    def handle_endtag(self, tag: str) -> None:
        if self._silent and self._silent[-1] == tag:
            self._silent.pop()

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.found.append(data)


def is_english(attrs: dict[str, str | None]) -> bool:
    """Whether an element says of itself that it is in English: a guide, on a page in another language."""
    return attrs.get("lang") == "en"


def plain_english(markup: str) -> list[str]:
    """The texts of a page that hold a word in Latin letters which is no data."""
    parser = Texts()
    parser.feed(markup)
    return [one.strip() for one in parser.found if re.search(r"[A-Za-z]{3,}", DATA.sub("", one))]


@pytest.mark.parametrize(
    ("asked", "language"),
    [
        ("id", "id"),
        ("ID-id;q=0.9, en;q=0.8", "id"),
        ("en, id;q=0.5", "en"),
        ("fr, id;q=0.2", "id"),
        ("fr", "en"),
        ("id;q=0", "en"),
        ("id;q=much, ../../etc", "en"),
        ("", "en"),
    ],
)
def test_before_sign_in_the_browser_s_wish_counts(browser: Browser, asked: str, language: str) -> None:
    page = browser.get("/login", accept_language=asked)
    assert f'<html lang="{language}"' in page.text
    assert page.headers["content-language"] == language
    assert ("Kata sandi" in page.words) == (language == "id")


def test_a_person_s_choice_counts_more_than_the_browser_s(admin: Browser) -> None:
    assert admin.post("/account/language", {"language": "id"}).status == 303
    page = admin.get("/e/sandbox/orders", accept_language="en")
    assert "Belum ada pesanan di sini" in page.words
    assert 'data-words="{' in page.text, "the scripts have their words too"
    admin.post("/account/language", {"language": ""})
    assert "No orders here yet" in admin.get("/e/sandbox/orders").words
    assert "Belum ada pesanan" in admin.get("/e/sandbox/orders", accept_language="id").words


def test_no_other_language_can_be_chosen(admin: Browser) -> None:
    for one in ("fr", "../id", "<b>"):
        page = admin.post("/account/language", {"language": one}, accept_language="id")
        assert page.status == 422
        assert "Pilih salah satu bahasa." in page.words, "an error is said in the language of the page"


def test_t24_what_is_put_into_a_translated_text_is_escaped(admin: Browser) -> None:
    polyglot = "\"'><img src=x onerror=alert(1)>%(x)s{{7*7}}"
    for language in ("en", "id"):
        page = admin.get(
            "/e/sandbox/orders?q=" + polyglot.replace("%", "%25").replace("#", "%23"), accept_language=language
        )
        assert page.status == 200
        assert "<img" not in page.markup
        assert "&lt;img src=x" in page.text
        assert "{{7*7}}" in page.text


def test_pages_say_nothing_in_plain_english(
    admin: Browser,
    ids: dict[str, str],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(languages(), PSEUDO, Speech("Pseudo", PseudoTexts(), "id"))
    found = {}
    for route in pages(admin):
        for address in addresses(route, ids)[-3:]:
            page = admin.get(address, accept_language=PSEUDO)
            if page.status != 303:
                found[address] = plain_english(page.text)
    assert {address: texts for address, texts in found.items() if texts} == {}
    assert len(found) > 40


def test_channels_their_forms_and_errors_say_nothing_in_plain_english(
    admin: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(languages(), PSEUDO, Speech("Pseudo", PseudoTexts(), "id"))
    here = "/settings/notifications"
    for kind in ChannelKind:
        page = admin.get(f"{here}/new?kind={kind}", accept_language=PSEUDO)
        assert page.status == 200
        assert plain_english(page.text) == [], kind
        refused = admin.post(here, {"kind": kind.value}, accept_language=PSEUDO)
        assert refused.status == 422
        assert plain_english(refused.text) == [], kind
    form = {"kind": "webhook", "name": "ωψ", "url": "https://hooks.example.com/", "topic_switch": "on"}
    made = admin.post(here, {**form, "environment_live": "on"}, accept_language=PSEUDO)
    assert made.status == 200
    assert plain_english(made.text) == []
    (one,) = {link for link in admin.get(here).links() if link.startswith(f"{here}/chn_")}
    for address in (here, one):
        assert plain_english(admin.get(address, accept_language=PSEUDO).text) == [], address


BAD_INPUTS: tuple[dict[str, str], ...] = (
    {},
    {"confirm": "no", "typed": "no", "email": "no", "name": "", "role": "king", "kid": "NO!", "current": "wrong"},
    {
        "shop": "0",
        "shop_id": "0",
        "since": "2026-13-45",
        "until": "soon",
        "state": "no",
        "as_of": "soon",
        "for": "ever",
    },
    {"reason": "\0", "note": "x" * 5000, "password": "wrong", "code": "000000", "version": "0", "zone": "Nowhere/No"},
)


def test_what_a_form_refuses_is_not_said_in_plain_english(
    admin: Browser,
    ids: dict[str, str],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Every form with nothing in it, with nonsense, and about things that are not there."""
    monkeypatch.setitem(languages(), PSEUDO, Speech("Pseudo", PseudoTexts(), "id"))
    missing = {name: one if name in {"name", "secret", "kid", "page"} else SAMPLES[name] for name, one in ids.items()}
    said = 0
    found: dict[str, list[str]] = {}
    routes = [one for one in routes_of(framework_of(admin.app)) if one.method == "POST"]  # type: ignore[arg-type]
    for route in routes:
        if route.is_json or route.path.startswith(STAYING) or "/webhook" in route.path:
            continue
        for given in (ids, missing):
            for form in BAD_INPUTS:
                address = route.path.format(
                    **{**given, "connector": FAKE, "scope": "sandbox", "environment": "sandbox"}
                )
                page = admin.post(f"{address}?env=sandbox&to=live", form, accept_language=PSEUDO)
                if page.status >= 400 and "text/html" in page.headers["content-type"]:
                    said += 1
                    found |= {f"{address} {form}": texts for texts in [plain_english(page.text)] if texts}
    assert found == {}
    assert said > 500


def test_every_page_is_there_in_indonesian(admin: Browser, ids: dict[str, str]) -> None:  # noqa: F811
    for route in pages(admin):
        address = addresses(route, ids)[-1]
        expected = admin.get(address).status
        page = admin.get(address, accept_language="id")
        assert page.status == expected, address
        assert expected == 303 or '<html lang="id"' in page.text, address


def test_the_walk_sees_a_text_that_is_not_translated() -> None:
    assert plain_english('<p>Saved.</p><p title="Saved">σαωεδ</p><p><bdi>A shop</bdi></p>') == ["Saved.", "Saved"]
    assert plain_english('<option translate="no">Rome</option><option>North</option>') == ["North"]
