"""The list that Home begins with: the worst first."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from sqlalchemy.orm import Session

from kedai.inbox.waiting import find_next_due
from kedai.runtime import Runtime
from kedai.values.notification import Kind
from kedai.values.wording import N_
from kedai.web.dashboard.connections import Connections, watched_environments
from kedai.web.dashboard.formats import span
from kedai.web.dashboard.health.connections import of_connection
from kedai.web.dashboard.health.item import Item
from kedai.web.dashboard.health.work import of_rejected, of_work, read_standing
from kedai.web.dashboard.render import url
from kedai.web.dashboard.shell import Shell

_SILENT = timedelta(minutes=2)
_ORDER: dict[str, int] = {"bad": 0, "warn": 1, "info": 2, "good": 3}


def read_health(runtime: Runtime, db: Session, shell: Shell, connections: Connections) -> list[Item]:
    """The worst first. The active environment is always looked at, whatever is viewed."""
    items = list(_of_installation(runtime, db, shell))
    environments = watched_environments(shell)
    standing = read_standing(db, environments, shell.now)
    for environment in environments:
        for name, connector in runtime.connectors.items():
            items += of_connection(db, shell, connector, environment, connections.get((name, environment)))
            items += of_rejected(db, name, environment)
        items += of_work(db, shell, standing, environment)
    return sorted(items, key=lambda item: _ORDER[item.level])


def _of_installation(runtime: Runtime, db: Session, shell: Shell) -> Iterator[Item]:
    for environment in shell.sealed:
        title = N_(
            "%(environment)s is sealed: this seems to be a copy of another installation",
            environment=environment.value.title(),
        )
        detail = N_(
            "Pushes are stored; nothing is asked of the marketplace and no order is worked on until you confirm."
        )
        yield Item("bad", environment, title, detail, "/quarantine", N_("What to do"), kind=Kind.SEALED)
    if runtime.ring.trouble is not None:
        title = N_("Stored secrets cannot be opened: this installation %(trouble)s", trouble=runtime.ring.trouble)
        detail = N_(
            "Nothing can be signed or verified, and no secret can be saved, until the master key is given back."
        )
        href = "/settings/keys" if "keys.manage" in shell.can else None
        yield Item("bad", None, title, detail, href, N_("Show the keys"))
    due = find_next_due(db)
    if due is not None and shell.now - due > _SILENT and not shell.sealed:  # what is sealed rests on purpose
        title = N_("Events have been waiting for %(now)s and nothing works on them", now=span(shell.now - due))
        detail = N_(
            "Is a worker running? On one machine “kedai serve” does this too; apart from it, start “kedai worker”."
        )
        yield Item("bad", None, title, detail, url("/e/all/events", state="received"), N_("Show waiting events"))
