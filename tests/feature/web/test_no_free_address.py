"""T20: nobody types an address that Kedai then calls. Hosts are presets of an environment, whatever is sent as one.

Notifications, which will call addresses of a shop's own, do not exist yet; whoever builds them extends this.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest
import sqlalchemy as sa

from kedai.connectors.registry import CONNECTORS
from kedai.values.environment import Environment
from kedai.vault.models import EnvironmentCredentials
from tests.architecture.sources import dotted, read_sources
from tests.feature.web.site import ADMIN, Site, serving

FREE = (
    "https://evil.example",
    "http://evil.example",
    "//evil.example",
    "evil.example",
    "https://partner.shopeemobile.com",
    "https://partner.shopeemobile.com@evil.example",
    "https://partner.shopeemobile.com.evil.example",
    "https://openplatform.sandbox.test-stable.shopee.sg",
    "http://127.0.0.1:8080",
    "http://localhost",
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://0.0.0.0",
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://127.1",
    "http://169.254.169.254/latest/meta-data/",
    "http://[fd00:ec2::254]/latest/meta-data/",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://10.0.0.1",
    "http://192.168.1.1:6379",
    "http://172.16.0.1",
    "http://100.64.0.1",
    "http://[fe80::1]",
    "gopher://127.0.0.1:6379/_INFO",
    "file:///etc/passwd",
    "ftp://evil.example",
    "javascript:alert(1)",
    "live_sg\nhttps://evil.example",
    "live_sg@evil.example",
    "live_sg/../../evil",
    "LIVE_SG",
    "test_sandbox",
)
"""Addresses that would lead elsewhere, and what only looks like a preset."""

PRESETS = {"sandbox": ("sandbox_sg", "sandbox_cn"), "live": ("live_sg", "live_cn", "live_br")}


class Deaf:
    """Stands where the network would be, and remembers whoever wanted to use it."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    async def send(self, *arguments: Any, **_given: Any) -> NoReturn:
        self.asked.append(arguments)
        raise AssertionError("somebody called out")

    async def close(self) -> None:
        return


@pytest.fixture
def deaf() -> Deaf:
    return Deaf()


@pytest.fixture
def site(database_url: str, tmp_path: Path, deaf: Deaf) -> Iterator[Site]:
    """Served, with both environments filled in."""
    with serving(database_url, tmp_path, http=deaf) as served:  # type: ignore[arg-type]
        yield served


def hosts(site: Site) -> set[str | None]:
    return {row[0] for row in site.rows(sa.select(EnvironmentCredentials.host))}


def test_t20_no_address_is_taken_for_a_host_and_nothing_is_called(site: Site, deaf: Deaf) -> None:
    """Fails without the look-up among the presets."""
    programs = {environment: site.token(environment=environment) for environment in PRESETS}
    person = site.page()
    for text in FREE:
        for environment, program in programs.items():
            path = f"{ADMIN}?env={environment}"
            refused = site.send("PATCH", path, {"host": text}, **program)
            assert (refused.status, refused.json()["errors"][0]["pointer"]) == (422, "/host"), text
            assert site.send("PATCH", path, {"host": text}, **person).status in {403, 422}, text
    assert hosts(site) == {None}
    assert deaf.asked == []


def test_t20_a_preset_serves_its_own_environment_and_no_other(site: Site) -> None:
    for environment, names in PRESETS.items():
        program, other = site.token(environment=environment), Environment(environment).other
        for name in names:
            taken = site.send("PATCH", f"{ADMIN}?env={environment}", {"host": name}, **program)
            assert taken.status == 200, name
            elsewhere = site.send("PATCH", f"{ADMIN}?env={other}", {"host": name}, **site.token(environment=other))
            assert elsewhere.status == 422, name


@pytest.mark.parametrize("field", ["api_url", "auth_url", "url", "base_url", "callback_url", "webhook_url", "proxy"])
def test_t20_there_is_no_field_for_an_address(site: Site, field: str) -> None:
    """An unknown field is refused, so that none of these is quietly kept for later."""
    refused = site.send("PATCH", f"{ADMIN}?env=sandbox", {field: "https://evil.example"}, **site.token())
    assert refused.status == 422


def test_t20_no_marketplace_asks_for_an_address() -> None:
    """Not one field of any credentials form is a free address, and each preset's is https."""
    for connector in CONNECTORS.values():
        assert [one.name for one in connector.credential_fields if "url" in one.name or "address" in one.name] == []
        assert [host.name for host in connector.hosts if not host.api_url.startswith("https://")] == []
        assert [host.name for host in connector.hosts if not host.auth_url.startswith("https://")] == []


def test_t20_where_calls_go_is_decided_in_one_place() -> None:
    """`Credentials`, which hold the address of every call, are made where the host is looked up among the presets."""
    makers = {
        source.path
        for source in read_sources()
        if not source.is_simulator
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Call) and dotted(node.func).rpartition(".")[2] == "Credentials"
    }
    assert makers == {"sync/parts.py"}
