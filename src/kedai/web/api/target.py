"""The environment that `?env=` of the fixed JSON routes names."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from kedai.errors import Invalid
from kedai.runtime import Runtime
from kedai.values.environment import ConnectorName, Environment
from kedai.web.deps import reach
from kedai.web.security import Principal

EnvQuery = Annotated[list[str], Query(alias="env", default_factory=list)]


def get_target(
    runtime: Runtime, connector: str, env: list[str], caller: Principal
) -> tuple[ConnectorName, Environment]:
    """The environment meant: whatever writes must name it, so that nothing ever lands in the other by default.

    Raises:
        NotFound: no such connector. Invalid: no environment, or none of the two. Forbidden: the token's is the other.
    """
    name = runtime.parts.connector(connector).name
    environment = find_environment(env)
    if environment is None:
        raise Invalid("Name the environment: ?env=sandbox or ?env=live.", field="env")
    reach(caller, environment)
    return name, environment


def find_environment(env: list[str]) -> Environment | None:
    """What was named, or None where nothing was.

    Raises:
        Invalid: none of the two, or two of them.
    """
    if not env:
        return None
    if len(env) > 1 or env[0] not in set(Environment):
        raise Invalid("env is sandbox or live, once.", field="env")
    return Environment(env[0])
