"""T19 and the addresses themselves: no redirect elsewhere, no text of an address on a page, no header made of one."""

from __future__ import annotations

import pytest

from tests.feature.web.site import Site, read_answer
from tests.support.installation import raw_request

ELSEWHERE = (
    "https://evil.example",
    "http://evil.example/",
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "/%5cevil.example",
    "/%2fevil.example",
    "/%2f%2fevil.example",
    "/%252f%252fevil.example",
    "%2f%2fevil.example",
    "/..//evil.example",
    "/.//evil.example",
    "/./\\evil.example",
    "/foo//evil.example",
    "/%09/evil.example",
    "/\tevil.example",
    "/\t/evil.example",
    "\t//evil.example",
    " //evil.example",
    "/\n/evil.example",
    "/\r\nLocation: https://evil.example",
    "/%0d%0aLocation:%20https://evil.example",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    "java\tscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "https:evil.example",
    "https:/evil.example",
    "http:///evil.example",
    "evil.example",
    "@evil.example",
    "/@evil.example/..//evil.example",
    "//user@evil.example",
    "//[::1]",
    "//127.0.0.1@evil.example",
    "/\u2028/evil.example",
    "/\uff0fevil.example",
    "/%e3%80%82evil.example/..%2f%2fevil.example",
    "?next=//evil.example",
    "#//evil.example",
    "/" + "a" * 3000,
    "",
)


@pytest.mark.parametrize("target", ELSEWHERE)
def test_t19_signing_in_never_leads_elsewhere(shared_site: Site, target: str) -> None:
    """Who is signed in is sent on at once: to a plain path of ours, or home."""
    cookie = shared_site.session("viewer")
    answer = shared_site.get(f"/login?next={quoted(target)}", **cookie)
    assert answer.status in {303, 422}
    assert answer.headers.get("location", "/") == "/"


def quoted(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


def test_t19_a_plain_path_of_ours_is_gone_back_to(shared_site: Site) -> None:
    cookie = shared_site.session("viewer")
    for path in ("/e/live/orders", "/e/sandbox/events?state=parked", "/connectors/shopee?tab=live"):
        assert shared_site.get(f"/login?next={quoted(path)}", **cookie).headers["location"] == path


@pytest.mark.parametrize(
    "status",
    [
        "<script>alert(1)</script>",
        "connected\"'><img src=x>",
        "nothing_of_ours",
        "{{31337*31337}}",
        "connected%00",
        "\u202e",
    ],
)
def test_t19_an_unknown_status_is_a_neutral_notice_that_repeats_nothing(shared_site: Site, status: str) -> None:
    answer = shared_site.get(f"/connectors/shopee?tab=live&status={quoted(status)}", **shared_site.session("viewer"))
    assert answer.status == 200
    assert status.encode() not in answer.body
    assert b"982007569" not in answer.body or "{{" not in status
    assert "Back at the connection page." in answer.body.decode()


def test_t19_a_known_status_has_its_own_words(shared_site: Site) -> None:
    page = shared_site.get("/connectors/shopee?tab=live&status=denied", **shared_site.session("viewer"))
    assert "Access was refused" in page.body.decode()


@pytest.mark.parametrize("host", ["evil.example", "localhost", "127.0.0.1", "", "kedai.example:99999"])
def test_a_page_asked_for_under_another_name_sends_to_the_public_address_only(shared_site: Site, host: str) -> None:
    answer = shared_site.get("/e/live/orders", Host=host)
    assert (answer.status, answer.headers["location"]) == (307, f"{shared_site.url}/e/live/orders")


@pytest.mark.parametrize(
    "path", ["/x%0d%0aSet-Cookie:%20a=b", "/x%0aX-More:%201", "/a%20b", "/%00", "/%c3%a9", "/%ff", "/%e2%80%ae"]
)
def test_a_path_never_becomes_a_header_of_its_own(shared_site: Site, path: str) -> None:
    headers = [("Host", "evil.example"), ("Connection", "close")]
    answer = shared_site.exchange(raw_request("GET", path, headers))
    assert answer.status == 307
    assert answer.headers["location"].startswith(f"{shared_site.url}/")
    assert " " not in answer.headers["location"]
    assert answer.headers["location"].isascii()
    assert {"set-cookie", "x-more"} & set(answer.headers) == set()


def test_programs_may_use_any_name_of_the_host(shared_site: Site) -> None:
    assert shared_site.get("/livez", Host="10.0.0.7:8080").status == 200
    assert shared_site.get("/readyz", Host="kedai.internal").status == 200


@pytest.mark.parametrize("given", ["abc-123", "x" * 64])
def test_a_plain_request_id_is_kept_for_who_looks_for_it(shared_site: Site, given: str) -> None:
    assert shared_site.get("/livez", X_Request_Id=given).headers["x-request-id"] == given
    assert shared_site.push(b"{}", X_Request_Id=given).headers["x-request-id"] == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", 'x"}', "é", "../../etc"])
def test_a_request_id_that_is_not_plain_is_replaced(shared_site: Site, given: str) -> None:
    for answer in (shared_site.get("/livez", X_Request_Id=given), shared_site.push(b"{}", X_Request_Id=given)):
        assert answer.headers["x-request-id"] != given
        assert len(answer.headers["x-request-id"]) == 32


def test_every_page_forbids_what_it_does_not_need(shared_site: Site) -> None:
    for path in ("/login", "/nothing-here", "/connectors/shopee?tab=sandbox"):
        headers = shared_site.get(path, **shared_site.session("viewer")).headers
        assert headers.get("location") == "/" or "default-src 'none'" in headers["content-security-policy"]
        assert headers["referrer-policy"] == "same-origin"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"


def test_a_request_that_is_no_http_is_refused_without_harm(shared_site: Site) -> None:
    for written in (
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET\r\n\r\n",
        b"FOO / HTTP/1.1\r\n\r\n",
        b"\r\n" * 10 + b"x\r\n\r\n",
    ):
        with shared_site.connect() as connection:
            connection.sendall(written)
            assert read_answer(connection).status in {0, 400, 403, 405}
    assert shared_site.get("/livez").status == 200
