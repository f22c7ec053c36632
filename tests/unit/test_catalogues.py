"""The catalogues hold every message of the sources, whole; wordings are English texts that can be said anew."""

from __future__ import annotations

import copy
import json
import pickle
import re

import msgspec
import pytest
from babel.messages.catalog import Message

from kedai.values.wording import N_, NP_, joined, plain
from kedai.web.dashboard.language import languages
from kedai.web.dashboard.script_words import SCRIPT_WORDS, words_for_scripts
from tests.support.messages import SOURCES, TEMPLATE, extract_all, po_file, read_catalogue, written

TRANSLATED = sorted(set(languages()) - {"en"})
MARK = re.compile(r"%\(\w+\)s|%%|</?\w+[^>]*>")


def messages(language: str) -> list[Message]:
    return [one for one in read_catalogue(po_file(language)) if one.id]


def test_the_template_holds_what_the_sources_mark() -> None:
    assert TEMPLATE.read_bytes() == written(extract_all()), "run `make messages`"


@pytest.mark.parametrize("language", TRANSLATED)
def test_a_catalogue_has_every_message_and_none_that_is_gone(language: str) -> None:
    assert {str(one.id) for one in messages(language)} == {str(one.id) for one in extract_all() if one.id}
    assert not read_catalogue(po_file(language)).obsolete


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_message_is_translated_with_its_placeholders_and_tags(language: str) -> None:
    catalogue = read_catalogue(po_file(language))
    for one in messages(language):
        told = [one.string] if isinstance(one.string, str) else list(one.string)
        assert all(told), one.id
        assert not one.fuzzy, one.id
        assert [str(error) for error in one.check(catalogue)] == [], one.id
        asked = one.id if isinstance(one.id, str) else one.id[-1]
        for text in told:
            assert sorted(set(MARK.findall(text))) == sorted(set(MARK.findall(asked))), one.id


def test_the_scripts_words_are_those_they_say() -> None:
    static = SOURCES / "web" / "dashboard" / "static"
    said = {text for path in static.glob("*.js") for text in re.findall(r'\bt\("([^"]+)"', path.read_text())}
    assert said <= SCRIPT_WORDS
    assert {one for one in SCRIPT_WORDS - said if not one.startswith("Go to ")} == set()
    assert words_for_scripts(languages()["en"]) == "{}"
    assert json.loads(words_for_scripts(languages()["id"]))["Close"] == "Tutup"


def test_a_wording_is_its_english_text_to_everybody_else() -> None:
    text = N_(
        "%(who)s waits for %(what)s: %(share)s %% done", who=N_("shop %(name)s", name="A%B"), what="you", share=1200
    )
    assert text == "shop A%B waits for you: 1,200 % done"
    assert json.dumps(text) == '"shop A%B waits for you: 1,200 % done"'
    assert msgspec.json.encode([text], enc_hook=plain) == b'["shop A%B waits for you: 1,200 % done"]'
    assert copy.deepcopy(text) == text
    assert pickle.loads(pickle.dumps(text)) == text
    assert type(str(text)) is str


def test_a_wording_is_said_in_a_language_with_all_its_parts() -> None:
    say = languages()["id"].say
    assert say(N_("%(span)s ago", span=N_("%(number)s min", number=3))) == "3 mnt lalu"
    assert say(NP_("%(num)s order on this page", "%(num)s orders on this page", 1200)) == "1.200 pesanan di halaman ini"
    assert say(joined(", ", [N_("Orders"), "A&B"])) == "Pesanan, A&B"
    assert say("Orders") == "Orders", "what is no wording stays as it is"
    assert say(N_("a text that no catalogue holds")) == "a text that no catalogue holds"


def test_one_is_said_as_one() -> None:
    assert NP_("%(num)s order", "%(num)s orders", 1) == "1 order"
    assert NP_("%(num)s order", "%(num)s orders", 0) == "0 orders"


def test_the_walk_of_the_sources_finds_nested_marks() -> None:
    ids = {one.id for one in extract_all()}
    assert {"the app itself", "%(label)s takes no more calls today for %(account)s"} <= ids
    assert "There is nothing here by that name." in ids, "the default message of an error"
