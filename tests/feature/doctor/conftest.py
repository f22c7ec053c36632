"""An installation whose marketplace and whose own address answer as a test says; on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from kedai.connectors.base import HttpAnswer
from kedai.doctor.finding import Finding
from kedai.doctor.run import examine
from kedai.errors import KedaiError
from kedai.values.credentials import Credentials
from kedai.values.environment import Environment
from kedai.web.dashboard.assets import all_assets
from kedai.web.dashboard.face import read_face
from kedai.web.security import SECURITY_HEADERS
from tests.feature.sync.probed import Outside, given, probed_connector
from tests.support.factories import PUBLIC_URL, House, open_house

COOKIE = '__Host-kedai-session=""; HttpOnly; Max-Age=0; Path=/; SameSite=lax; Secure'


@dataclass
class World(Outside):
    """What our own address answers too, by path; a test changes one thing of it."""

    doors: dict[str, HttpAnswer | KedaiError] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        headers = {name.lower(): value for name, value in SECURITY_HEADERS.items()}
        self.doors["/login"] = HttpAnswer(200, headers, b"")
        self.doors["/logout"] = HttpAnswer(303, {"set-cookie": COOKIE}, b"")
        for name, asset in all_assets().items():
            self.doors[f"/static/{name}"] = HttpAnswer(200, {}, asset.body)

    async def send(
        self,
        credentials: Credentials,
        method: str,
        path: str,
        query: Sequence[tuple[str, str]],
        *,
        json: bytes | None = None,
        shop_id: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HttpAnswer:
        self.asked.append(credentials.api_url + path)
        door = self.doors.get(urlsplit(path).path)
        if credentials.api_url == PUBLIC_URL and door is not None:
            return given(door)
        return await super().send(credentials, method, path, query, json=json, shop_id=shop_id, headers=headers)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def house(database_url: str, tmp_path: Path, world: World) -> Iterator[House]:
    """Live is complete and connected, and everything outside is as it should be; sandbox is active, and empty."""
    kind = probed_connector(world)
    with open_house(database_url, tmp_path, clock=world.clock, http=world, connector=kind) as opened:
        yield opened


def look(house: House, *, asked: Collection[Environment] = (), offline: bool = False) -> dict[tuple[str, str], Finding]:
    """The doctor's findings by environment (nothing for the installation) and id; of several shops the last one's."""
    face = read_face(house.parts.settings)
    found = asyncio.run(examine(house.runtime, face, environments=tuple(Environment), asked=asked, offline=offline))
    return {(one.environment.value if one.environment else "", one.id): one for one in found}
