"""T34 at the webhook: bodies that come slowly, in pieces, shorter or longer than announced; what may wait in all."""

from __future__ import annotations

import json
import socket
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from kedai.web.edge import BODY_SECONDS, MAX_BODY, MAX_WAITING
from tests.feature.web.site import SHOP, WEBHOOK, Site, read_answer
from tests.support.factories import on_sqlite
from tests.support.installation import raw_request
from tests.support.processes import wait_until

PATH = f"{WEBHOOK}/sandbox"
PIECE = 64 * 1024


def push(name: str, size: int = 0) -> bytes:
    data = {"ordersn": "260901PIECES1", "status": "PROCESSED", "note": name}
    body = json.dumps({"data": data, "shop_id": SHOP, "code": 3, "timestamp": 1_788_000_001}).encode()
    return body + b" " * (size - len(body))


def head(site: Site, body: bytes, **more: str) -> bytes:
    headers = {"Host": f"127.0.0.1:{site.port}", "Authorization": site.sign(body), "Content-Length": str(len(body))}
    return raw_request("POST", PATH, {**headers, **more}.items())


def chunked_head(site: Site, body: bytes) -> bytes:
    headers = [("Host", f"127.0.0.1:{site.port}"), ("Authorization", site.sign(body)), ("Transfer-Encoding", "chunked")]
    return raw_request("POST", PATH, headers)


def chunks(body: bytes, size: int) -> Iterator[bytes]:
    for start in range(0, len(body), size):
        piece = body[start : start + size]
        yield b"%x\r\n%s\r\n" % (len(piece), piece)
    yield b"0\r\n\r\n"


def test_22_a_body_in_chunks_without_a_length_is_verified_over_its_bytes(shared_site: Site) -> None:
    body = push("22")
    answer = shared_site.exchange(chunked_head(shared_site, body) + b"".join(chunks(body, 7)))
    assert (answer.status, len(shared_site.events(body))) == (200, 1)


def test_22_chunks_are_counted_so_that_no_length_is_no_way_around_the_limit(shared_site: Site) -> None:
    body = push("22 large", MAX_BODY + 1)
    answer = shared_site.exchange(chunked_head(shared_site, body) + b"".join(chunks(body, PIECE)))
    assert (answer.status, shared_site.events(body)) == (413, [])
    assert answer.headers["connection"] == "close"


def test_23_a_body_that_ends_before_its_announced_length_is_nothing(shared_site: Site) -> None:
    body = push("23 short")
    before = len(shared_site.events())
    with closing(shared_site.connect()) as connection:
        connection.sendall(head(shared_site, body) + body[:-1])
        connection.shutdown(socket.SHUT_WR)
        assert read_answer(connection).status in {0, 400}
    assert shared_site.push(push("23 after")).status == 200
    assert len(shared_site.events()) == before + 1


def test_23_what_comes_after_the_announced_length_is_no_part_of_the_body(shared_site: Site) -> None:
    body = push("23 long")
    with closing(shared_site.connect()) as connection:
        connection.sendall(head(shared_site, body) + body + b"{}")
        status = read_answer(connection).status  # 400 where the server has read the rest before it could answer
        assert status in {200, 400}
    assert len(shared_site.events(body)) in ({1} if status == 200 else {0, 1})
    assert shared_site.push(body).status == 200
    assert len(shared_site.events(body)) == 1


def test_a_second_push_on_the_same_connection_is_answered_for_itself(shared_site: Site) -> None:
    first, second = push("kept 1"), push("kept 2")
    with closing(shared_site.connect()) as connection:
        for body, signed, status in ((first, first, 200), (second, first, 401), (second, second, 200)):
            written = head(shared_site, body, Authorization=shared_site.sign(signed))
            connection.sendall(written + body)
            assert read_answer(connection).status == status
    assert (len(shared_site.events(first)), len(shared_site.events(second))) == (1, 1)


@on_sqlite
def test_24_a_body_that_is_not_complete_in_time_gets_408_however_steadily_it_trickles(site: Site) -> None:
    """Several at once, one of them chunked, one that sends nothing: five seconds each, not five seconds a byte."""
    body = push("24")
    began = time.monotonic()
    with ExitStack() as stack:
        slow = [stack.enter_context(closing(site.connect())) for _ in range(4)]
        for connection in slow[:3]:
            connection.sendall(head(site, body))
        slow[3].sendall(chunked_head(site, body))
        trickling, answered = iter(body), []
        for connection in slow:
            connection.setblocking(False)
        while len(answered) < len(slow) and time.monotonic() - began < 3 * BODY_SECONDS:
            piece = bytes([next(trickling)])
            for connection, written in zip(slow, (b"", piece, piece, b"1\r\n" + piece + b"\r\n"), strict=True):
                if connection not in answered and not send_or_see_answer(connection, written):
                    answered.append(connection)
            assert site.push(push(f"24 beside {len(piece)}")).status == 200
        waited = time.monotonic() - began
        for connection in slow:
            connection.settimeout(1)
        assert [read_answer(connection).status for connection in slow] == [408] * len(slow)
    assert BODY_SECONDS <= waited < 2 * BODY_SECONDS
    assert site.events(body) == []


def send_or_see_answer(connection: socket.socket, written: bytes) -> bool:
    """Send a little every tenth of a second; False as soon as there is an answer to read."""
    connection.settimeout(0.05)
    try:
        if connection.recv(1, socket.MSG_PEEK):
            return False
    except TimeoutError:
        pass
    connection.sendall(written)
    return True


@on_sqlite
def test_19_many_huge_bodies_are_refused_without_holding_them(site: Site) -> None:
    """10 MiB each, announced and not: memory grows by less than one of them, whoever sends how many."""
    body = push("19", 10 * MAX_BODY)
    announced, unannounced = head(site, body) + body, chunked_head(site, body) + b"".join(chunks(body, PIECE))
    tracemalloc.start()
    try:
        for written in (announced, unannounced) * 8:
            assert site.exchange(written).status == 413
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * MAX_BODY
    assert site.events() == []


@on_sqlite
def test_what_all_senders_together_have_sent_is_bounded_and_the_rest_is_told_to_come_again(site: Site) -> None:
    bodies = [push(f"waiting {number}", MAX_BODY) for number in range(MAX_WAITING // MAX_BODY)]
    with ExitStack() as stack:
        waiting = [stack.enter_context(closing(site.connect())) for _ in bodies]
        for connection, body in zip(waiting, bodies, strict=True):
            connection.sendall(head(site, body) + body[:-1])
        wait_until(lambda: site.edge._waiting_bytes == MAX_WAITING - len(bodies), message="not all was read")
        refused = site.push(push("one more", PIECE))
        assert (refused.status, refused.headers["retry-after"]) == (503, "2")
        assert site.events() == []

        for connection, body in zip(waiting, bodies, strict=True):
            connection.sendall(body[-1:])
        assert [read_answer(connection).status for connection in waiting] == [200] * len(waiting)
    assert site.push(push("one more", PIECE)).status == 200
    assert len(site.events()) == len(bodies) + 1


@pytest.mark.parametrize("pieces", [1, 3])
def test_a_sender_that_goes_away_in_the_middle_leaves_nothing_behind(shared_site: Site, pieces: int) -> None:
    body = push(f"gone {pieces}", 3 * PIECE)
    for _ in range(20):
        with closing(shared_site.connect()) as connection:
            connection.sendall(head(shared_site, body))
            for number in range(pieces - 1):
                connection.sendall(body[number * PIECE : (number + 1) * PIECE])
    assert shared_site.push(push(f"after gone {pieces}")).status == 200
    assert shared_site.events(body) == []
    wait_until(lambda: shared_site.edge._waiting_bytes == 0, message="what was read still counts as waiting")
