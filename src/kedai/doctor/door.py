"""What comes out of our own public address, proxy and all: headers, cookie and static files of this version."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Final

from kedai.connectors.base import HttpAnswer
from kedai.doctor.finding import Finding, State, finding, passed, skipped
from kedai.errors import KedaiError
from kedai.runtime import Runtime
from kedai.sync.parts import make_own_credentials
from kedai.values.credentials import Credentials
from kedai.values.environment import Environment
from kedai.values.wording import N_, joined
from kedai.vault.queries import get_active_environment

DEADLINE_SECONDS: Final = 6.0
CHECKS: Final = ("security_headers", "session_cookie", "static_files")
_LOOK_AT_PROXY: Final = N_(
    "Look at the reverse proxy: it must pass what Kedai answers on, headers included, unchanged."
)


@dataclass(frozen=True, slots=True)
class Face:
    """What the web server of this version sends: handed in by the layer that knows it.

    ``page`` is open to everybody; posting to ``cookie_path`` sets the session's cookie (to nothing). ``assets`` are
    paths with the SHA-256 of what lies there.
    """

    page: str
    headers: Mapping[str, str]
    cookie_path: str
    cookie_name: str
    is_secure: bool
    assets: Mapping[str, str]


async def look_at_door(runtime: Runtime, face: Face) -> list[Finding]:
    """Three checks, within one deadline."""
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            ourselves = await _ourselves(runtime)
            return list(
                await asyncio.gather(
                    _ask_page(runtime, ourselves, face),
                    _ask_cookie(runtime, ourselves, face),
                    _ask_assets(runtime, ourselves, face),
                )
            )
    except (KedaiError, TimeoutError):
        url = runtime.settings.public_url
        fix = N_("Is “kedai serve” running, and does KEDAI_PUBLIC_URL lead to it?")
        silent = finding(CHECKS[0], State.FAIL, N_("%(url)s did not answer as it must.", url=url), fix)
        return [
            silent,
            *(skipped(name, N_("Not tried: %(url)s did not answer as it must.", url=url)) for name in CHECKS[1:]),
        ]


async def _ourselves(runtime: Runtime) -> Credentials:
    name = next(iter(runtime.connectors))
    active: Environment = await runtime.parts.read(lambda db: get_active_environment(db, name))
    return make_own_credentials(runtime.parts, name, active)


async def _ask_page(runtime: Runtime, ourselves: Credentials, face: Face) -> Finding:
    answer = await runtime.parts.http.send(ourselves, "GET", face.page, ())
    return judge_headers(answer, face)


async def _ask_cookie(runtime: Runtime, ourselves: Credentials, face: Face) -> Finding:
    headers = {"Sec-Fetch-Site": "same-origin"}
    answer = await runtime.parts.http.send(ourselves, "POST", face.cookie_path, (), headers=headers)
    return judge_cookie(answer, face)


async def _ask_assets(runtime: Runtime, ourselves: Credentials, face: Face) -> Finding:
    paths = list(face.assets)
    answers = await asyncio.gather(*(runtime.parts.http.send(ourselves, "GET", path, ()) for path in paths))
    return judge_assets(dict(zip(paths, answers, strict=True)), face)


def judge_headers(answer: HttpAnswer, face: Face) -> Finding:
    """Each header exactly as it was sent: one that a proxy added to or took away protects nobody."""
    if answer.status != 200:
        found = N_("%(url)s answered %(status)s.", url=face.page, status=answer.status)
        return finding("security_headers", State.FAIL, found, _LOOK_AT_PROXY)
    wrong = [name for name, value in face.headers.items() if answer.headers.get(name.lower()) != value]
    if wrong:
        found = N_("Missing or changed: %(wrong)s.", wrong=", ".join(wrong))
        return finding("security_headers", State.FAIL, found, _LOOK_AT_PROXY)
    return passed("security_headers", N_("%(headers)s come as they were sent.", headers=", ".join(face.headers)))


def judge_cookie(answer: HttpAnswer, face: Face) -> Finding:
    """Name and flags, as the browser gets them."""
    cookies: SimpleCookie = SimpleCookie()
    try:
        cookies.load(answer.headers.get("set-cookie", ""))
    except CookieError:
        cookies.clear()
    held = cookies.get(face.cookie_name)
    if held is None:
        found = N_("%(cookie_name)s does not come.", cookie_name=face.cookie_name)
        return finding("session_cookie", State.FAIL, found, _LOOK_AT_PROXY)
    given = {
        "HttpOnly": bool(held["httponly"]),
        "SameSite=Lax": held["samesite"].lower() == "lax",
        "Path=/": held["path"] == "/",
        N_("no Domain"): not held["domain"],
        **({"Secure": bool(held["secure"])} if face.is_secure else {}),
    }
    wrong = [name for name, is_there in given.items() if not is_there]
    if wrong:
        found = N_("%(cookie_name)s comes without %(wrong)s.", cookie_name=face.cookie_name, wrong=joined(", ", wrong))
        return finding("session_cookie", State.FAIL, found, _LOOK_AT_PROXY)
    return passed(
        "session_cookie",
        N_("%(cookie_name)s: %(flags)s.", cookie_name=face.cookie_name, flags=joined(", ", list(given))),
    )


def judge_assets(answers: Mapping[str, HttpAnswer], face: Face) -> Finding:
    """Byte for byte."""
    wrong = [path for path, answer in answers.items() if hashlib.sha256(answer.body).hexdigest() != face.assets[path]]
    if wrong:
        found = N_("Not this version's: %(value)s.", value=", ".join(path.partition("?")[0] for path in wrong))
        fix = N_(
            "%(look_at_proxy)s After an upgrade, start every process again and empty what the proxy keeps.",
            look_at_proxy=_LOOK_AT_PROXY,
        )
        return finding("static_files", State.FAIL, found, fix)
    return passed("static_files", N_("%(answers)s files, byte for byte.", answers=len(answers)))
