"""What routes ask for: the runtime, a transaction, and who is calling.

A request's transaction is committed *before* its answer leaves (``scope="function"``; the default commits after it).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Annotated

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from kedai.errors import Forbidden, NotFound, PasswordChangeRequired, StorageUnavailable, Unauthenticated
from kedai.runtime import Runtime
from kedai.staff.queries import find_api_token, find_session, is_touch_due
from kedai.staff.roles import Capability
from kedai.staff.service import touch_api_token, touch_session
from kedai.values.environment import Environment
from kedai.values.wording import N_
from kedai.web.security import (
    Principal,
    demand_fresh,
    principal_of_api_token,
    principal_of_session,
    read_bearer,
    read_session_token,
)

UNATTENDED = "kedai-unattended"
"""The header of what a page asks by itself."""


def get_runtime(request: Request) -> Runtime:
    """The open installation."""
    runtime: Runtime = request.app.state.runtime
    return runtime


RuntimeDep = Annotated[Runtime, Depends(get_runtime)]


def find_caller(request: Request, runtime: RuntimeDep) -> Principal | None:
    """Who is calling, by bearer token or session cookie; None for nobody."""
    now = runtime.clock.now()
    if "authorization" in request.headers:  # a program: an unusable header never falls back to a cookie
        bearer = read_bearer(request)
        return None if bearer is None else _by_token(runtime, bearer)
    cookie = read_session_token(request, secure=is_secure(runtime))
    if cookie is None:
        return None
    with runtime.web_db.read() as db:
        found = find_session(db, cookie, now=now)
    if found is None:
        return None
    if is_touch_due(found.session.last_seen_at, now=now) and not is_unattended(request):
        with suppress(StorageUnavailable), runtime.web_db.write() as db:  # pages open also where nothing can be stored
            touch_session(db, found.session.id, now=now)
    return principal_of_session(found)


def is_unattended(request: Request) -> bool:
    """Whether an open page asks by itself: that is no sign of a person, and must not keep a session from ending."""
    return request.url.path.endswith("/live") or UNATTENDED in request.headers


def _by_token(runtime: Runtime, bearer: str) -> Principal | None:
    now = runtime.clock.now()
    with runtime.web_db.read() as db:
        token = find_api_token(db, bearer, now=now)
    if token is None:
        return None
    if is_touch_due(token.last_used_at, now=now):
        with suppress(StorageUnavailable), runtime.web_db.write() as db:
            touch_api_token(db, token.id, now=now)
    return principal_of_api_token(token)


MaybeCaller = Annotated[Principal | None, Depends(find_caller)]


def read_session(runtime: RuntimeDep) -> Iterator[Session]:
    """One reading transaction for the request."""
    with runtime.web_db.read() as db:
        yield db


def write_session(runtime: RuntimeDep, _caller: MaybeCaller) -> Iterator[Session]:
    """One writing transaction for the request; who is calling was found out (and noted) before it opens."""
    with runtime.web_db.write() as db:
        yield db


ReadSession = Annotated[Session, Depends(read_session, scope="function")]
"""A read-only transaction: for GET and HEAD."""

WriteSession = Annotated[Session, Depends(write_session, scope="function")]
"""A writing transaction, committed before the answer: for everything else. Never upgraded from a reading one."""


def require(capability: Capability, *, fresh: bool = False) -> Callable[[Principal | None, Runtime], Principal]:
    """A dependency that lets through only who may do ``capability``; every route but the public ones names one.

    ``fresh`` is for dangerous acts: a person must have proved within the last minutes that it is they.
    """

    def check(caller: MaybeCaller, runtime: RuntimeDep) -> Principal:
        if caller is None:
            raise Unauthenticated
        if not caller.can(capability):
            raise Forbidden(N_("Your role does not allow this (%(capability)s).", capability=capability.value))
        if caller.must_change_password and capability is not Capability.ACCOUNT:
            raise PasswordChangeRequired
        if fresh:
            demand_fresh(caller, runtime.clock.now())
        return caller

    check.capability = capability  # type: ignore[attr-defined]  # the route table test reads both
    check.fresh = fresh  # type: ignore[attr-defined]
    return check


Caller = Annotated[Principal, Depends(require(Capability.READ))]
"""Anyone who is signed in (every role may read)."""


def parse_environment(text: str) -> Environment:
    """An environment of a path or query; anything else is no place.

    Raises:
        NotFound: not `sandbox` or `live`, letter by letter.
    """
    try:
        return Environment(text)
    except ValueError:
        raise NotFound(N_("There is no such environment.")) from None


def reach(caller: Principal, environment: Environment) -> None:
    """A token reaches its own environment only.

    Raises:
        Forbidden: it is the other one.
    """
    if not caller.reaches(environment):
        raise Forbidden(N_("This token is not for %(environment)s.", environment=environment.value))


def is_secure(runtime: Runtime) -> bool:
    """Whether the public URL is https: decides the cookies' names."""
    return runtime.settings.public_url.startswith("https://")
