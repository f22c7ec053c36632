"""Texts that were stored in English are known again: from which message they came, and which values are in them."""

from __future__ import annotations

from decimal import Decimal
from gettext import NullTranslations

import pytest

from kedai.connector_exceptions.causes import CAUSES
from kedai.sync.outcome import RULES
from kedai.values.wording import N_, NP_, Wording, joined, numeral
from kedai.web.dashboard.language import Speech, languages
from kedai.web.dashboard.stored_texts import find_wording

STORED = {
    N_("Until %(day)s, %(days)s days from now.", day="2026-12-01", days=8): "Sampai 2026-12-01, 8 hari lagi.",
    N_("clock off by %(off)s s, ahead", off=1200): "jam meleset 1.200 dtk, terlalu cepat",
    N_("clock off by %(off)s s", off=3): "jam meleset 3 dtk",
    NP_(
        "%(num)s lost push, %(new)s of them new", "%(num)s lost pushes, %(new)s of them new", 1, new=0
    ): "1 push yang hilang, 0 di antaranya baru",
    NP_(
        "%(num)s lost push, %(new)s of them new", "%(num)s lost pushes, %(new)s of them new", 1500, new=12
    ): "1.500 push yang hilang, 12 di antaranya baru",
    N_("A schedule is down: %(schedule)s", schedule=N_("Keep tokens alive")): "Jadwal mati: Jaga token tetap hidup",
    N_(
        "The authorisation of %(who)s ends %(when)s",
        who=N_("shop %(shop_id)s", shop_id="7001"),
        when=N_("by %(until)s UTC", until="2026-12-01 10:00"),
    ): "Izin toko 7001 berakhir paling lambat 2026-12-01 10:00 UTC",
    joined(
        " ",
        [
            N_("Nothing waits."),
            N_("%(events)s parked, which is no obstacle.", events=NP_("%(num)s event", "%(num)s events", 2)),
        ],
    ): "Tidak ada yang menunggu. 2 event diparkir; itu bukan halangan.",
    NP_(
        "No pushes are sent for the blocked shop %(shops)s.",
        "No pushes are sent for the blocked shops %(shops)s.",
        2,
        shops="7001, 7002",
    ): "Tidak ada push untuk toko yang diblokir: 7001, 7002.",
    N_("the shop is paused"): "toko dijeda",
    joined(
        ", ",
        [
            NP_("%(num)s order was missing", "%(num)s orders were missing", 1200),
            NP_("%(num)s was older", "%(num)s were older", 1),
        ],
    ): "1.200 pesanan tidak ada, 1 lebih lama",
    joined(
        ", ",
        [joined(": ", [N_("orders masked"), numeral(1)]), joined(": ", [N_("rejected deliveries"), numeral(12_000)])],
    ): "pesanan yang disamarkan: 1, kiriman yang ditolak: 12.000",
    N_(
        "%(text)s (Shopee: %(code)s %(message)s, request %(request)s)",
        text=N_("Too many calls."),
        code="error_limit",
        message="Wait, please",
        request=N_("unnamed"),
    ): "Terlalu banyak panggilan. (Shopee: error_limit Wait, please, permintaan tanpa nama)",
    N_(
        "Came back: %(title)s",
        title=N_("%(title)s (shop %(shop_id)s)", title=N_("Shopee denies access"), shop_id="7001"),
    ): "Muncul kembali: Shopee menolak akses (toko 7001)",
    N_("disconnected by %(who)s", who="ayu@example.com"): "diputus oleh ayu@example.com",
    N_("it was parked: %(reason)s", reason="unknown_shop"): "sebelumnya diparkir: unknown_shop",
}


@pytest.mark.parametrize(("told", "indonesian"), STORED.items(), ids=list(STORED))
def test_a_stored_text_is_said_in_another_language_with_its_values(told: Wording, indonesian: str) -> None:
    stored = str(told)
    assert type(stored) is str
    assert languages()["id"].say(N_(stored)) == indonesian
    assert languages()["id"].say(told) == indonesian, "as when it was never stored"
    assert languages()["en"].say(N_(stored)) == stored


@pytest.mark.parametrize(
    "text",
    [
        "",
        "error_sign: Wrong sign.",
        "Please look at %(who)s",
        "Sudah dicek, 100% beres",
        "A schedule is down",
        "Untilnow, 8 days from now.",
        "Nothing waits. Says who?",
        "x" * 5000,
        "A schedule is down: a\nb",
        "runs: many, events: 3",
        "3 orders were missing, says who",
    ],
)
def test_what_is_nobody_s_message_stays_as_it_is(text: str) -> None:
    assert find_wording(text) is None
    assert languages()["id"].say(N_(text)) == text


def test_a_value_is_put_back_as_it_stood() -> None:
    for value in ("<b>&amp;</b>", "100%", "%(who)s", "1,2", "12", "00012", "a, b", "A schedule is down: x"):
        text = str(N_("Missing: %(names)s.", names=value))
        assert find_wording(text) == text


def test_what_exceptions_are_raised_with_is_known_again() -> None:
    texts = [text for one in CAUSES.values() for text in (one.title, one.cause, one.next_step)]
    texts += [text for one in RULES.values() for text in (one.title, one.next_step) if text]
    for text in texts:
        assert find_wording(str(text)) == text
        assert languages()["id"].say(N_(str(text))) != text


def test_numbers_are_written_as_the_language_writes_them_with_all_their_decimals() -> None:
    for value, english, indonesian in (
        (Decimal("1234.50"), "1,234.50", "1.234,50"),
        (Decimal("-0.0001"), "-0.0001", "-0,0001"),
        (Decimal("98765432109876.1234"), "98,765,432,109,876.1234", "98.765.432.109.876,1234"),
        (1200, "1,200", "1.200"),
        (0, "0", "0"),
    ):
        assert numeral(value) == english
        assert languages()["en"].say(numeral(value)) == english
        assert languages()["id"].say(numeral(value)) == indonesian


def test_a_language_needs_no_catalogue_of_its_own_to_write_numbers() -> None:
    assert Speech("Deutsch", NullTranslations(), "de").say(numeral(1200)) == "1.200"
