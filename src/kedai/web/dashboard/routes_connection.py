"""The page of a marketplace's connection: one tab for each environment."""

from __future__ import annotations

from collections.abc import Sequence

from fastapi import APIRouter, Request
from fastapi.responses import Response

from kedai.connectors.base import Connector
from kedai.values.environment import Environment
from kedai.values.wording import N_, joined
from kedai.vault.queries import get_active_environment
from kedai.web.dashboard.access import Reader
from kedai.web.dashboard.connection_page import Attempt, labels, show_connection
from kedai.web.dashboard.notice_words import Notice, find_notice
from kedai.web.dashboard.shell import text_param
from kedai.web.deps import RuntimeDep

router = APIRouter()


@router.get("/connectors/{name}")
def show(request: Request, runtime: RuntimeDep, caller: Reader, name: str) -> Response:
    """The active environment's tab, unless `?tab=` names one."""
    connector = runtime.parts.connector(name)
    tab = text_param(request, "tab")
    if tab in set(Environment):
        environment = Environment(tab)
    else:
        with runtime.web_db.read() as db:
            environment = get_active_environment(db, connector.name)
    attempt = Attempt(notice=_notice(request, connector))
    return show_connection(request, runtime, caller, connector, environment, attempt)


def _notice(request: Request, connector: Connector) -> Notice | None:
    """The notice of `?status=`; after saving it also names what was changed. Only names that the form has are taken."""
    code = text_param(request, "status")
    found = find_notice(code)
    if found is None or code != "saved":
        return found
    known = {field.name for field in connector.credential_fields}
    changed = _names(text_param(request, "changed"), known)
    trimmed = _names(text_param(request, "trimmed"), known)
    told = [N_("Changed: %(fields)s.", fields=joined(", ", labels(connector, changed)))] if changed else []
    if trimmed:
        told.append(N_("Spaces around %(fields)s were removed.", fields=joined(", ", labels(connector, trimmed))))
    return Notice(found.level, found.title, joined(" ", told))


def _names(text: str | None, known: set[str]) -> Sequence[str]:
    return [name for name in (text or "").split(",") if name in known]
