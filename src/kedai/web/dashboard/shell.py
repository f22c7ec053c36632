"""What every page shows around its content: what is viewed, what is active, who is signed in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal, cast

from fastapi import Depends, Request
from sqlalchemy.orm import Session

from kedai.db.storage import StorageTrouble
from kedai.errors import Invalid, NotFound
from kedai.runtime import Runtime
from kedai.staff.roles import Capability
from kedai.values.environment import ConnectorName, Environment
from kedai.values.wording import N_
from kedai.vault.degraded import Degraded, list_degraded
from kedai.vault.queries import get_active_environment
from kedai.web.dashboard.language import ENGLISH, choose_language
from kedai.web.dashboard.theme import Theme, read_theme
from kedai.web.dashboard.undoing import find_mild
from kedai.web.security import Principal

Viewed = Literal["sandbox", "live", "all"]


@dataclass(frozen=True, slots=True)
class Shell:
    """The frame of one page. ``active`` is ``None`` only where it cannot be read (the database is away).

    ``fresh`` is false where a dangerous act would ask for the password first; ``here`` is the page's own address.
    ``sealed`` names the environments that wait for a person because this seems to be a copy, ``degraded`` those whose
    app the marketplace refuses. ``storage`` is what keeps this process from writing. ``theme`` is what this browser
    chose; ``None`` follows the system. ``zone`` is the time zone that this person chose.
    ``undo`` is the number of the deed that the line at the top tells of, while this person may take it back.
    """

    viewed: Viewed
    active: Environment | None
    now: datetime
    section: str
    person: str | None
    can: frozenset[str]
    connectors: tuple[tuple[str, str], ...]
    fresh: bool = True
    here: str = "/"
    sealed: tuple[Environment, ...] = ()
    degraded: tuple[Degraded, ...] = ()
    storage: StorageTrouble | None = None
    theme: Theme | None = None
    zone: str = "UTC"
    language: str = ENGLISH
    undo: str = ""

    @property
    def environment(self) -> Environment | None:
        """What queries take: ``None`` where all environments are viewed."""
        return environment_of(self.viewed)

    @property
    def environments(self) -> tuple[Environment, ...]:
        """What is viewed, one or both."""
        return tuple(Environment) if self.environment is None else (self.environment,)

    @property
    def marker(self) -> str:
        """What stands before every title."""
        active = "?" if self.active is None else self.active.value.upper()
        if self.viewed == self.active:
            return active
        return N_("%(active)s · viewing %(viewed)s", active=active, viewed=self.viewed.upper())


def parse_viewed(scope: str) -> Viewed:
    """The scope in an address: exactly `sandbox`, `live` or `all`.

    Raises:
        NotFound: anything else.
    """
    if scope not in {"sandbox", "live", "all"}:
        raise NotFound(N_("There is no such environment: an address has sandbox, live or all."))
    return cast("Viewed", scope)


def parse_acted(environment: str) -> Environment:
    """The environment in the address of an act: never both.

    Raises:
        NotFound: neither `sandbox` nor `live`.
    """
    if environment not in set(Environment):
        raise NotFound(N_("There is no such environment: something is done in sandbox or in live."))
    return Environment(environment)


def env_param(request: Request, name: str) -> Environment:
    """The environment that the address's ``?env=`` names.

    Raises:
        Invalid: not given, given twice, or none of the two.
    """
    text = text_param(request, name)
    if text not in set(Environment):
        raise Invalid(N_("Say which environment: sandbox or live."), field=name)
    return Environment(text)


def environment_of(viewed: Viewed) -> Environment | None:
    """What queries take for a scope of an address."""
    return None if viewed == "all" else Environment(viewed)


def text_param(request: Request, name: str, *, at_most: int = 200) -> str | None:
    """A parameter of the address, trimmed; ``None`` where it is blank or absent.

    Raises:
        Invalid: given twice, longer than anything it could mean, or holding U+0000.
    """
    values = request.query_params.getlist(name)
    if len(values) > 1:
        raise Invalid(N_("The address names %(name)s twice.", name=name), field=name)
    text = values[0].strip() if values else ""
    if len(text) > at_most:
        raise Invalid(N_("The address holds a too long %(name)s.", name=name), field=name)
    if "\0" in text:  # no database text holds it, and PostgreSQL refuses to be asked for it
        raise Invalid(N_("The address holds a %(name)s that nothing can have.", name=name), field=name)
    return text or None


def read_shell(
    request: Request, runtime: Runtime, db: Session, *, viewed: Viewed | None, section: str, caller: Principal | None
) -> Shell:
    """The frame of this page, also kept for an error page; ``viewed`` is ``None`` for the active environment."""
    active = get_active_environment(db, main_connector(runtime))
    shell = Shell(
        viewed=viewed or active.value,
        active=active,
        now=runtime.clock.now(),
        section=section,
        person=None if caller is None else caller.name,
        can=frozenset() if caller is None else frozenset(one.value for one in Capability if caller.can(one)),
        connectors=tuple((name, connector.label) for name, connector in runtime.connectors.items()),
        fresh=caller is None or caller.is_fresh(runtime.clock.now()),
        here=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
        sealed=tuple(sorted(runtime.parts.quarantine.sealed(db))),
        degraded=() if caller is None else tuple(list_degraded(db)),
        storage=runtime.storage.trouble,
        theme=read_theme(request),
        zone="UTC" if caller is None else caller.time_zone,
        language=choose_language(request, None if caller is None else caller.language),
        undo=_undo(request, db, caller, runtime.clock.now()),
    )
    request.state.shell = shell
    return shell


def _undo(request: Request, db: Session, caller: Principal | None, now: datetime) -> str:
    number = text_param(request, "undo")
    if number is None or caller is None or find_mild(db, caller, number, now) is None:
        return ""
    return number


def main_connector(runtime: Runtime) -> ConnectorName:
    """The marketplace whose active environment the banner names: the first one registered."""
    return next(iter(runtime.connectors))


def viewed_connectors(runtime: Runtime, shell: Shell) -> Sequence[tuple[ConnectorName, Environment]]:
    """Every marketplace's viewed environments."""
    environments = tuple(Environment) if shell.environment is None else (shell.environment,)
    return [(name, one) for name in runtime.connectors for one in environments]


ViewedScope = Annotated[Viewed, Depends(parse_viewed)]
"""The `{scope}` of a page's address."""

ActedEnvironment = Annotated[Environment, Depends(parse_acted)]
"""The `{environment}` of an act's address."""
