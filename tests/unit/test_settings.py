"""T20 and settings: what is accepted from the environment, and that a refusal names the setting and never its value."""

from __future__ import annotations

from pathlib import Path

import pytest

from kedai.errors import SettingsInvalid
from kedai.settings import ExtraHost, Settings, ShopeeSeed, checked_public_url, is_loopback, load_settings
from kedai.sync.urls import candidate_urls, oauth_url, webhook_urls
from kedai.values.environment import ConnectorName, Environment

SHOPEE = ConnectorName("shopee")


def given(monkeypatch: pytest.MonkeyPatch, **values: str) -> Settings:
    for name, value in values.items():
        monkeypatch.setenv(f"KEDAI_{name.upper()}", value)
    return load_settings()


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://kedai.example", "https://kedai.example"),
        ("https://kedai.example/", "https://kedai.example"),
        (" https://kedai.example:8443/base// ", "https://kedai.example:8443/base"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.1", "http://127.0.0.1"),
        ("http://127.8.9.1:1", "http://127.8.9.1:1"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("https://xn--fiqs8s.example", "https://xn--fiqs8s.example"),
    ],
)
def test_public_url_is_kept_without_a_trailing_slash(text: str, url: str) -> None:
    assert checked_public_url(text) == url


BAD_URLS = {
    "empty": "",
    "plain http": "http://kedai.example",
    "http on a private address": "http://192.168.1.2",
    "http on any address": "http://0.0.0.0:8080",
    "http on a name that begins like loopback": "http://127.0.0.1.example",
    "http on a name under localhost": "http://localhost.example",
    "no scheme": "kedai.example",
    "no host": "https://",
    "path only": "https:///base",
    "relative": "//kedai.example",
    "script": "javascript:alert(1)",
    "file": "file:///etc/passwd",
    "ftp": "ftp://kedai.example",
    "user": "https://anna@kedai.example",
    "user and password": "https://anna:secret@kedai.example",
    "host hidden behind a user": "https://kedai.example@evil.example",
    "fragment": "https://kedai.example/#top",
    "query": "https://kedai.example/?a=1",
    "letters outside ASCII": "https://kedäi.example",
    "4,000 characters": "https://kedai.example/" + "a" * 4000,
    "port too high": "https://kedai.example:65536",
    "port no number": "https://kedai.example:http",
    "broken IPv6": "https://[::1",
}


@pytest.mark.parametrize("text", BAD_URLS.values(), ids=BAD_URLS)
def test_bad_public_url_is_refused_by_name_in_one_line(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bad input 60."""
    with pytest.raises(SettingsInvalid, match=r"\AKEDAI_PUBLIC_URL: ") as caught:
        given(monkeypatch, public_url=text)
    assert "\n" not in caught.value.message
    assert not text or text not in caught.value.message


@pytest.mark.parametrize(
    "text",
    [
        "https://kedai.example\n.evil.example",
        "https://ked\tai.example",
        "https://ked ai.example",
        "https://kedai.example/a b",
        "https://kedai.example/\x7f",
        "https://@kedai.example",
        "https://:@kedai.example",
        "https://kedai.example?",
        "https://kedai.example#",
    ],
)
def test_public_url_whose_text_is_not_what_it_parses_to_is_refused(text: str) -> None:
    """Bad input 60."""
    with pytest.raises(ValueError, match="must"):
        checked_public_url(text)


def test_previous_public_urls_are_checked_like_the_present_one(monkeypatch: pytest.MonkeyPatch) -> None:
    read = given(monkeypatch, previous_public_urls=" https://old.example/ ,, https://older.example")
    assert read.previous_public_urls == ("https://old.example", "https://older.example")
    with pytest.raises(SettingsInvalid, match=r"\AKEDAI_PREVIOUS_PUBLIC_URLS: "):
        given(monkeypatch, previous_public_urls="https://old.example,http://older.example")


def test_trusted_proxies_are_addresses_and_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    read = given(monkeypatch, trusted_proxies=" 10.0.0.5 ,192.168.0.0/16, fd00::/8,")
    assert [str(one) for one in read.trusted_proxies] == ["10.0.0.5/32", "192.168.0.0/16", "fd00::/8"]
    for wrong in ("proxy.example", "10.0.0.5/8", "10.0.0.5;10.0.0.6", "*"):
        with pytest.raises(SettingsInvalid, match=r"\AKEDAI_TRUSTED_PROXIES: each entry is an address"):
            given(monkeypatch, trusted_proxies=wrong)


def test_push_may_be_signed_for_an_earlier_address_and_sandbox_has_an_alias(monkeypatch: pytest.MonkeyPatch) -> None:
    read = given(monkeypatch, public_url="https://new.example", previous_public_urls="https://old.example")
    assert candidate_urls(read, SHOPEE, Environment.SANDBOX) == (
        "https://new.example/connectors/shopee/webhook/sandbox",
        "https://new.example/connectors/shopee/webhook",
        "https://old.example/connectors/shopee/webhook/sandbox",
        "https://old.example/connectors/shopee/webhook",
    )
    assert candidate_urls(read, SHOPEE, Environment.LIVE) == (
        "https://new.example/connectors/shopee/webhook/live",
        "https://old.example/connectors/shopee/webhook/live",
    )
    assert webhook_urls(read, SHOPEE, Environment.LIVE) == ("https://new.example/connectors/shopee/webhook/live",)
    assert oauth_url(read, SHOPEE, Environment.LIVE) == "https://new.example/connectors/shopee/oauth/callback/live"


def test_extra_hosts_carry_their_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    read = given(
        monkeypatch,
        extra_hosts="demo=http://127.0.0.1:9/|http://127.0.0.1:9/auth|sandbox;"
        " mirror=https://a.example|https://b.example|live ;",
    )
    assert read.extra_hosts == (
        ExtraHost("demo", "http://127.0.0.1:9", "http://127.0.0.1:9/auth", Environment.SANDBOX),
        ExtraHost("mirror", "https://a.example", "https://b.example", Environment.LIVE),
    )


@pytest.mark.parametrize(
    "text",
    [
        "demo",
        "demo=https://a.example",
        "demo=https://a.example|https://b.example",
        "demo=https://a.example|https://b.example|live|more",
        "demo=https://a.example|https://b.example|LIVE",
        "demo=https://a.example|https://b.example|",
        "demo=http://a.example|https://b.example|live",
        "demo=https://a.example|https://b.example/?q|live".replace("?q", "?q=1"),
        "=https://a.example|https://b.example|live",
        "de mo=https://a.example|https://b.example|live",
        "<b>=https://a.example|https://b.example|live",
    ],
)
def test_bad_extra_host_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsInvalid, match=r"\AKEDAI_EXTRA_HOSTS: "):
        given(monkeypatch, extra_hosts=text)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("postgres://u@h/d", "postgresql+psycopg://u@h/d"),
        ("postgresql://u:p@h:5433/d?sslmode=require", "postgresql+psycopg://u:p@h:5433/d?sslmode=require"),
        ("postgresql+psycopg://u@h/d", "postgresql+psycopg://u@h/d"),
        ("sqlite:////var/lib/kedai/kedai.sqlite3", "sqlite:////var/lib/kedai/kedai.sqlite3"),
    ],
)
def test_database_url_forms(text: str, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    read = given(monkeypatch, database_url=text)
    assert read.resolved_database_url == url
    assert read.embedded is url.startswith("sqlite")


@pytest.mark.parametrize("text", ["mysql://u:hunter2@h/d", "sqlite://", "/var/lib/kedai.sqlite3", "postgresql:hunter2"])
def test_other_databases_are_refused_without_repeating_the_url(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsInvalid, match=r"\AKEDAI_DATABASE_URL: ") as caught:
        given(monkeypatch, database_url=text)
    assert "hunter2" not in caught.value.message


def test_without_a_database_url_the_file_lies_in_the_data_directory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    read = given(monkeypatch, data_dir=str(tmp_path))
    assert read.resolved_database_url == f"sqlite:///{tmp_path / 'kedai.sqlite3'}"
    assert read.embedded


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("inactive_events", "delete"),
        ("log_level", "loud"),
        ("lease_seconds", "0"),
        ("lease_seconds", "601"),
        ("lease_seconds", "1_0s"),
    ],
)
def test_value_outside_its_range_is_refused_by_name(name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsInvalid, match=rf"\AKEDAI_{name.upper()}: "):
        given(monkeypatch, **{name: text})


def test_secrets_do_not_show_in_the_settings_repr(monkeypatch: pytest.MonkeyPatch) -> None:
    read = given(monkeypatch, master_keys="k1:CANARY", v1_secret="CANARY")
    monkeypatch.setenv("SHOPEE_PARTNER_KEY", "CANARY")
    monkeypatch.setenv("SHOPEE_PUSH_PARTNER_KEY", "CANARY")
    assert "CANARY" not in f"{read!r} {read} {ShopeeSeed()!r}"


def test_settings_do_not_change_after_start(monkeypatch: pytest.MonkeyPatch) -> None:
    read = given(monkeypatch, public_url="https://kedai.example")
    with pytest.raises(ValueError, match="frozen"):
        read.public_url = "https://evil.example"


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("128.0.0.1", False),
        ("0.0.0.0", False),
        ("::", False),
        ("localhost.example", False),
        ("127.1", False),
        ("", False),
    ],
)
def test_loopback_is_told_by_the_address(host: str, local: bool) -> None:
    assert is_loopback(host) is local
