"""T26: a refused request has changed nothing, whoever's cookie it carried: not one row of any table."""

from __future__ import annotations

import hashlib
from urllib.parse import urlencode

import sqlalchemy as sa

from kedai.db.base import Model
from tests.feature.web.routes import SAFE, Route, list_routes
from tests.feature.web.site import Site
from tests.feature.web.test_route_table import BROWSERS, content_type_of, headers_of
from tests.support.installation import request

FIELDS = {
    "email": "mallory@evil.example",
    "role": "admin",
    "name": "till",
    "environment": "sandbox",
    "partner_key": "a key that mallory knows 0001",
    "new": "an honest long passphrase",
    "again": "an honest long passphrase",
    "typed": "live",
    "theme": "dark",
}
"""What would be taken by the routes that read such fields."""


def test_t26_a_refused_request_has_changed_nothing(shared_site: Site) -> None:
    """Sent as an administrator who just proved who they are, with a body that would be understood."""
    cookie = shared_site.session("admin")
    routes = [route for route in list_routes(shared_site) if route.method not in SAFE]
    refused = [one for one in BROWSERS if not one[3]]
    assert (len(routes) > 80, len(refused) >= 8) == (True, True)
    before = prints(shared_site)
    for route in routes:
        for _who, fetch_site, origin, _accepted in refused:
            headers = {**cookie, **headers_of(shared_site, fetch_site, origin), **content_type_of(route)}
            answer = request(
                route.method,
                shared_site.url + route.sample,
                headers={name.replace("_", "-"): value for name, value in headers.items()},
                body=body_of(route),
            )
            assert answer.status == 403, route.name
            assert "set-cookie" not in answer.headers, route.name
    assert prints(shared_site) == before


def test_t26_the_same_request_from_our_own_page_changes_something(shared_site: Site) -> None:
    """The prints see a change, and the bodies are such that there is one."""
    before = prints(shared_site)
    page = {name.replace("_", "-"): value for name, value in shared_site.page("admin").items()}
    headers = {**page, "Content-Type": "application/x-www-form-urlencoded"}
    changed = set()
    for route in list_routes(shared_site):
        if route.name in {"POST /staff", "POST /tokens"}:
            answer = request("POST", shared_site.url + route.path, headers=headers, body=body_of(route))
            assert answer.status == 200, answer
            after = prints(shared_site)
            changed |= {table for table in after if after[table] != before[table]}
    assert changed >= {"staff", "api_token", "audit"}


def body_of(route: Route) -> bytes:
    return b"{}" if route.is_json else urlencode(FIELDS).encode()


def prints(site: Site) -> dict[str, str]:
    """A fingerprint of every table."""
    found = {}
    with site.runtime.web_db.read() as db:
        for table in Model.metadata.sorted_tables:
            rows = sorted(repr(tuple(row)) for row in db.execute(sa.select(table)))
            found[table.name] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return found
