"""The audit trail: who did what, where and when; whether it is whole; and a copy of it to take away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse

from kedai.audit import service as audit
from kedai.audit.export import export
from kedai.audit.queries import (
    Where,
    find_entries,
    find_last_check,
    is_there,
    parse_filter,
    parse_mark,
    verify,
)
from kedai.audit.undo import CHANGED, read_changes
from kedai.errors import Invalid
from kedai.kit.sheets import parse_format
from kedai.values.environment import Environment
from kedai.values.wording import N_, NP_
from kedai.web.dashboard.access import AuditReader
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.render import render, url
from kedai.web.dashboard.shell import Viewed, read_shell, text_param
from kedai.web.deps import RuntimeDep

if TYPE_CHECKING:
    from kedai.audit.models import AuditEntry

router = APIRouter()

PER_PAGE = 50
FIELDS = ("who", "what", "env", "from", "to")


@dataclass(frozen=True, slots=True)
class LastCheck:
    """What the latest check found; ``broken`` is the first entry that does not fit, ``noted`` about one kept apart."""

    at: datetime
    by: str
    read: int
    broken: int | None
    last: str
    noted: bool | None

    @property
    def is_good(self) -> bool:
        return self.broken is None and self.noted is not False


@router.get("/audit")
def show_audit(request: Request, runtime: RuntimeDep, caller: AuditReader) -> Response:
    """Entries, newest first, by who, what, environment and days (UTC)."""
    given = {name: text for name in FIELDS if (text := text_param(request, name, at_most=254)) is not None}
    wanted, before = parse_filter(given), _before(text_param(request, "before"))
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=_viewed(wanted.where), section="audit", caller=caller)
        entries = find_entries(db, wanted, before_sequence=before, limit=PER_PAGE + 1)
        check = _read_check(find_last_check(db))
    rows, more = entries[:PER_PAGE], len(entries) > PER_PAGE
    others = {name: text for name, text in given.items() if name != "env"}
    links = {name: url("/audit", **others, env=name if name != "all" else None) for name in ("sandbox", "live", "all")}
    return render(
        shell,
        "audit.html",
        rows=[{"entry": one, "details": _details(one)} for one in rows],
        given=given,
        check=check,
        nothing_yet=not given and before is None,
        scope_links=links,
        shown=NP_("%(num)s entry on this page", "%(num)s entries on this page", len(rows)),
        first_href=url("/audit", **given) if before is not None else None,
        next_href=url("/audit", **given, before=str(rows[-1].sequence)) if more else None,
    )


@router.post("/audit/checks")
def check_audit(runtime: RuntimeDep, caller: AuditReader, form: Form) -> Response:
    """Read the whole trail and compare each hash, as `kedai audit verify` does; what was found is an entry too."""
    noted = parse_mark(form["noted"]) if form.get("noted", "").strip() else None
    with runtime.web_db.read() as db:
        verdict = verify(db)
        found = None if noted is None else is_there(db, noted)
    with runtime.web_db.write() as db:
        audit.record_check(db, verdict, noted_is_there=found, actor=caller.actor, now=runtime.clock.now())
    return RedirectResponse("/audit#check", 303)


@router.post("/audit/exports")
def export_audit(runtime: RuntimeDep, caller: AuditReader, form: Form) -> Response:
    """All entries that fit, as a file, streamed; that somebody took it is an entry too."""
    given = {name: form[name].strip() for name in FIELDS if form.get(name, "").strip()}
    wanted, chosen = parse_filter(given), parse_format(form.get("format", ""))
    now = runtime.clock.now()
    with runtime.web_db.write() as db:
        up_to = audit.record_export(db, wanted, export_format=chosen.value, given=given, actor=caller.actor, now=now)
    name = f"kedai-audit-{now.strftime('%Y%m%dT%H%M%SZ')}.{chosen.ending}"
    return StreamingResponse(
        export(runtime.web_db, wanted, chosen, up_to_sequence=up_to),
        media_type=chosen.media_type,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def _read_check(entry: AuditEntry | None) -> LastCheck | None:
    if entry is None or not isinstance(entry.details, dict):
        return None
    told = entry.details
    read, broken, noted = told.get("read", 0), told.get("broken"), told.get("noted_is_there")
    return LastCheck(entry.at, entry.actor_name, read, broken, told.get("last") or "", noted)


def _before(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise Invalid(N_("The address names no place in the list."), field="before")
    return int(text)


def _viewed(where: Where | None) -> Viewed:
    return where.value if isinstance(where, Environment) else "all"


def _details(entry: AuditEntry) -> list[tuple[str, str]]:
    """The details as short texts, in the order of their names; what was changed, from and to."""
    found = dict(entry.details) if isinstance(entry.details, dict) else {"": entry.details}
    if changed := read_changes(found):
        del found[CHANGED]
    found |= {name: f"{_text(before)} → {_text(after)}" for name, (before, after) in changed.items()}
    told = {name: value for name, value in found.items() if value not in (None, "")}
    return [(str(name).replace("_", " "), _text(value)) for name, value in sorted(told.items())]


def _text(value: object) -> str:
    if value is None:
        return "—"
    if isinstance(value, list):
        return ", ".join(_text(one) for one in value) or "none"
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
