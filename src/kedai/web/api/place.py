"""What the routes below `/api/v1/{environment}` ask for: the environment of the path, within the caller's reach."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from kedai.staff.roles import Capability
from kedai.values.environment import Environment
from kedai.web.deps import MaybeCaller, parse_environment, reach, require
from kedai.web.security import Principal

PREFIX = "/api/v1/{environment}"


def reached_environment(environment: str, caller: MaybeCaller) -> Environment:
    """The environment of the path.

    Raises:
        NotFound: there is no such environment. Forbidden: the caller's token is for the other one.
    """
    found = parse_environment(environment)
    if caller is not None:
        reach(caller, found)
    return found


Place = Annotated[Environment, Depends(reached_environment)]
"""The `{environment}` of the path; a token that is not for it is refused before anything else is looked at."""

Reader = Annotated[Principal, Depends(require(Capability.READ))]
Connecter = Annotated[Principal, Depends(require(Capability.SHOPS_CONNECT))]
FreshConnecter = Annotated[Principal, Depends(require(Capability.SHOPS_CONNECT, fresh=True))]
CatalogKeeper = Annotated[Principal, Depends(require(Capability.CATALOG_WRITE))]
Replayer = Annotated[Principal, Depends(require(Capability.EVENTS_REPLAY))]
Revealer = Annotated[Principal, Depends(require(Capability.PERSONAL_REVEAL))]
FreshReplayer = Annotated[Principal, Depends(require(Capability.EVENTS_REPLAY, fresh=True))]
