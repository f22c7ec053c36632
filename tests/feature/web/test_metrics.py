"""T2: what is still sealed in the older format is counted for whoever watches the installation."""

from __future__ import annotations

import re

import sqlalchemy as sa

from kedai.values.environment import Environment
from kedai.vault.models import EnvironmentCredentials
from tests.feature.web.site import Site


def test_t2_secrets_are_counted_by_format_and_key(site: Site) -> None:
    """Breaks without `count_by_key` in the route, and if the older format were shown under the present one."""
    before = secrets(site)
    assert {version for version, _ in before} == {"v2"}
    with site.runtime.web_db.write() as db:
        sandbox = sa.update(EnvironmentCredentials).where(EnvironmentCredentials.environment == Environment.SANDBOX)
        db.execute(sandbox.values(partner_key_encrypted="v1:an-older-value"))
    (key,) = before
    assert secrets(site) == {key: before[key] - 1, ("v1", "v1"): 1}


def secrets(site: Site) -> dict[tuple[str, str], int]:
    text = site.get("/metrics", **site.token("viewer")).body.decode()
    found = re.findall(r'^kedai_secrets\{key="([^"]*)",version="([^"]*)"\} (\d+)\.0$', text, re.MULTILINE)
    return {(version, key): int(count) for key, version, count in found}
