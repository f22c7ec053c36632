"""T20 for notifications: they leave for the open internet alone, by addresses that were checked and held on to."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from email.message import EmailMessage
from typing import Any

import pytest

from kedai.errors import Invalid
from kedai.notifications.addresses import Endpoint, is_free, parse_host, parse_url
from kedai.notifications.mail import Server, send_mail
from kedai.notifications.outcome import NotSentError
from kedai.notifications.post import post

NOTHING = frozenset[tuple[str, int]]()
PUBLIC = "93.184.215.14"

REFUSED_URLS = (
    "http://hooks.example.com/x",
    "ftp://hooks.example.com/x",
    "file:///etc/passwd",
    "gopher://127.0.0.1:25/",
    "https://",
    "https:///x",
    "hooks.example.com",
    "https://user@hooks.example.com/",
    "https://user:password@hooks.example.com/",
    "https://hooks.example.com\\@127.0.0.1/",
    "https://hooks.example.com/#fragment",
    "https://hooks.example.com/a b",
    "https://hooks.example.com/\n",
    "https://hooks.example.com:0/",
    "https://hooks.example.com:99999/",
    "https://höoks.example.com/",
    "https://127.0.0.1/",
    "http://127.0.0.1/",
    "https://127.1/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0177.0.0.1/",
    "https://0.0.0.0/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://224.0.0.1/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://192.0.2.1/",
    "https://192.88.99.1/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:8.8.8.8]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::a00:1]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:7f00:1::]/",
    "https://[fd00:ec2::254]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fec0::1]/",
    "https://[ff02::1]/",
    "https://[2001:db8::1]/",
)

INSIDE = (
    *("127.0.0.1", "10.1.2.3", "172.31.255.255", "192.168.0.1", "169.254.169.254", "100.100.100.200", "0.0.0.0"),
    *("224.0.0.251", "::1", "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe", "2002:a00:1::", "fe80::1", "fd00::1", "ff02::1"),
)
"""What a name may lead to, and must not."""


class Opened:
    """Keeps to whom a connection would have been opened, and opens none."""

    def __init__(self) -> None:
        self.to: list[str] = []

    def for_web(self, address: Any) -> socket.socket:
        self.to.append(address[4][0])
        raise OSError("the test opens no socket")

    def for_mail(self, address: tuple[str, int], seconds: float) -> socket.socket:
        self.to.append(address[0])
        raise OSError("the test opens no socket")


class Resolver:
    """Answers differently each time, as a rebinding one does; the last answer stays."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def send(url: str, resolver: Resolver, opened: Opened) -> NotSentError:
    with pytest.raises(NotSentError) as caught:
        asyncio.run(post(url, b"{}", headers={}, loopback=NOTHING, resolve=resolver, open_socket=opened.for_web))
    return caught.value


def mail(host: str, resolver: Resolver, opened: Opened) -> NotSentError:
    server, message = Server(Endpoint(host, 465), "tls", "", None), EmailMessage()
    with pytest.raises(NotSentError) as caught:
        asyncio.run(send_mail(server, message, loopback=NOTHING, resolve=resolver, connect=opened.for_mail))
    return caught.value


@pytest.mark.parametrize("url", REFUSED_URLS)
def test_t20_an_address_that_is_not_on_the_open_internet_is_refused_and_no_socket_is_opened(url: str) -> None:
    """When it is typed, and again when something is sent, whatever is stored: not even its name is looked up."""
    with pytest.raises(Invalid):
        parse_url(url, loopback=NOTHING)
    opened, resolver = Opened(), Resolver((PUBLIC,))
    error = send(url, resolver, opened)
    assert error.permanent
    assert (opened.to, resolver.asked) == ([], 0)


@pytest.mark.parametrize("address", INSIDE)
def test_t20_a_name_that_leads_inside_is_refused_and_no_socket_is_opened(address: str) -> None:
    """Also where only one of its addresses does."""
    assert not is_free(ipaddress.ip_address(address))
    for answer in ((address,), (PUBLIC, address)):
        opened = Opened()
        assert send("https://hooks.example.com/x", Resolver(answer), opened).permanent
        assert mail("smtp.example.com", Resolver(answer), opened).permanent
        assert opened.to == []


def test_t20_a_rebinding_name_reaches_nothing_but_what_was_checked() -> None:
    """It is asked once; a second question would be answered with our own machine."""
    opened, resolver = Opened(), Resolver((PUBLIC,), ("127.0.0.1",))
    assert not send("https://hooks.example.com/x", resolver, opened).permanent
    assert (set(opened.to), resolver.asked) == ({PUBLIC}, 1)
    assert send("https://hooks.example.com/x", resolver, opened).permanent, "the next message: refused"
    assert set(opened.to) == {PUBLIC}
    opened, resolver = Opened(), Resolver((PUBLIC,), ("127.0.0.1",))
    assert not mail("smtp.example.com", resolver, opened).permanent
    assert (opened.to, resolver.asked) == ([PUBLIC], 1)
    assert mail("smtp.example.com", resolver, opened).permanent
    assert opened.to == [PUBLIC]


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost.", "2130706433", "10.0.0.1", "::1", "mail server", "-x.example", ""]
)
def test_t20_a_mail_server_obeys_the_same_rules(host: str) -> None:
    opened = Opened()
    assert mail(host, Resolver(("127.0.0.1",)), opened).permanent
    assert opened.to == []


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "1.1.1.1", PUBLIC, "2606:4700:4700::1111", "2a00:1450:4001:800::200e", "2001:4860:4860::8888"],
)
def test_open_addresses_are_free(address: str) -> None:
    """The rule refuses no more than it must."""
    assert is_free(ipaddress.ip_address(address))
    assert parse_host(address, 443, loopback=NOTHING).host == address


def test_loopback_is_reached_only_by_host_and_port_that_the_installer_named() -> None:
    named = frozenset({("127.0.0.1", 9000)})
    assert parse_url("http://127.0.0.1:9000/x", loopback=named) == Endpoint("127.0.0.1", 9000)
    for other in ("http://127.0.0.1:9001/x", "http://127.0.0.1/x", "http://localhost:9000/x", "http://127.0.0.2:9000/"):
        with pytest.raises(Invalid):
            parse_url(other, loopback=named)
