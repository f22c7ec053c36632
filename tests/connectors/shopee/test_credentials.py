"""What the credentials form takes and refuses (bad inputs 54 to 57 and 64; others beside them)."""

from __future__ import annotations

import pytest

from kedai.connectors.shopee.connector import SHOPEE
from kedai.errors import Invalid
from kedai.values.environment import Environment
from tests.connectors.shopee.suite import PARTNER_KEY

REFUSED = {
    "54 zero": ("partner_id", "0"),
    "54 zeros": ("partner_id", "000"),
    "54 one too large": ("partner_id", "4294967296"),
    "54 far too large": ("partner_id", "9" * 5000),
    "54 space inside": ("partner_id", "200 9876"),
    "54 underscore": ("partner_id", "1_000"),
    "54 sign": ("partner_id", "+2009876"),
    "54 negative": ("partner_id", "-1"),
    "54 decimals": ("partner_id", "1.0"),
    "54 exponent": ("partner_id", "1e3"),
    "54 hexadecimal": ("partner_id", "0x10"),
    "54 other digits": ("partner_id", "١٢٣"),
    "54 full-width digits": ("partner_id", "\uff11\uff12\uff13"),
    "54 superscript": ("partner_id", "12²"),
    "shop zero": ("shop_id", "0"),
    "shop with letters": ("shop_id", "abc"),
    "shop too large": ("shop_id", "4294967296"),
    "56 8 characters": ("partner_key", "shpk1234"),
    "56 15 characters": ("push_partner_key", "x" * 15),
    "57 emoji": ("partner_key", PARTNER_KEY[:-1] + "🔑"),
    "57 accent": ("partner_key", PARTNER_KEY[:-1] + "é"),
    "space inside a key": ("push_partner_key", PARTNER_KEY[:20] + " " + PARTNER_KEY[20:]),
    "line break inside a key": ("partner_key", PARTNER_KEY[:20] + "\n" + PARTNER_KEY[20:]),
    "NUL in a key": ("partner_key", PARTNER_KEY + "\x00"),
    "zero-width space after a key": ("partner_key", PARTNER_KEY + "\u200b"),
    "64 unknown region": ("region", "XX"),
    "64 empty region": ("region", ""),
    "host of nobody": ("host", "evil"),
    "host as a URL": ("host", "https://evil.example.test"),
    "location with a line break": ("default_location_id", "SG\nZ"),
    "location too long": ("default_location_id", "S" * 65),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refused_with_the_fields_name_and_without_the_secret(case: str) -> None:
    name, value = REFUSED[case]
    with pytest.raises(Invalid) as refused:
        SHOPEE.validate_field(name, value)
    assert refused.value.field == name
    assert refused.value.message.endswith(".")
    if name.endswith("key"):
        assert value[:8] not in refused.value.message


ACCEPTED = [
    ("partner_id", "1", "1"),
    ("partner_id", "4294967295", "4294967295"),
    ("partner_id", " 2009876\n", "2009876"),
    ("partner_id", "0002009876", "2009876"),
    ("shop_id", "\t226001122", "226001122"),
    ("partner_key", f"\r\n {PARTNER_KEY}\u00a0", PARTNER_KEY),
    ("partner_key", "x" * 16, "x" * 16),
    ("push_partner_key", "not-hex-but-a-key!", "not-hex-but-a-key!"),
    ("region", "sg", "SG"),
    ("region", "GLOBAL", "GLOBAL"),
    ("host", "live_br", "live_br"),
    ("default_shipping_option_id", "18001", "18001"),
]


@pytest.mark.parametrize(("name", "given", "stored"), ACCEPTED)
def test_accepted_as_it_is_stored(name: str, given: str, stored: str) -> None:
    assert SHOPEE.validate_field(name, given) == stored


def test_what_connecting_and_switching_need() -> None:
    fields = SHOPEE.credential_fields
    assert {field.name for field in fields if field.connect} == {"partner_id", "partner_key", "region"}
    assert {field.name for field in fields if field.switch} == {"push_partner_key", "shop_id"}
    assert {field.name for field in fields if field.secret} == {"partner_key", "push_partner_key"}


def test_hosts_are_the_current_ones() -> None:
    assert {host.name for host in SHOPEE.hosts} == {"live_sg", "live_cn", "live_br", "sandbox_sg", "sandbox_cn"}
    assert SHOPEE.default_host(Environment.LIVE) == "live_sg"
    assert SHOPEE.default_host(Environment.SANDBOX) == "sandbox_sg"
    assert not any("partner.test-stable" in host.api_url or "uat" in host.api_url for host in SHOPEE.hosts)
    assert "GLOBAL" in SHOPEE.regions
