"""The pages of rejected deliveries: why each was refused, in words, and admitting those that verify after a fix."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy.orm import Session

from kedai.errors import Invalid
from kedai.inbox import rejected
from kedai.inbox.queries import get_rejected
from kedai.inbox.rejected import Filter
from kedai.kit.ids import parse_id, show_id
from kedai.runtime import Runtime
from kedai.sync.admission import admit_all, admit_one, count_admittable
from kedai.sync.diagnosis import ADMITTABLE, EXPLAINED, Diagnosis, diagnose, open_keyring
from kedai.values.environment import ConnectorName
from kedai.values.wording import N_, NP_
from kedai.vault.queries import get_cursor_key
from kedai.web.dashboard import payload
from kedai.web.dashboard.access import Reader, Replayer
from kedai.web.dashboard.console import read_console
from kedai.web.dashboard.events import safe_headers
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.notice_words import Notice, find_notice
from kedai.web.dashboard.render import render, url
from kedai.web.dashboard.saved_views import read_views
from kedai.web.dashboard.shell import (
    ActedEnvironment,
    Shell,
    Viewed,
    ViewedScope,
    environment_of,
    parse_viewed,
    read_shell,
    text_param,
    viewed_connectors,
)
from kedai.web.dashboard.words import REJECTED_REASON
from kedai.web.deps import RuntimeDep
from kedai.web.security import Principal

router = APIRouter()

PER_PAGE = 50
STATE = "rejected"
_SHOWN = {"waiting": False, "admitted": True}


@dataclass(frozen=True, slots=True)
class RejectedWish:
    """What the address asks for."""

    diagnosis: str | None
    show: str | None

    @property
    def given(self) -> dict[str, str | None]:
        """As it stands in an address."""
        return {"state": STATE, "diagnosis": self.diagnosis, "show": self.show}

    def chosen(self, viewed: Viewed) -> Filter:
        """The same for those who look the rows up."""
        environment = environment_of(viewed)
        diagnoses = () if self.diagnosis is None else (self.diagnosis,)
        return Filter(environment, diagnoses=diagnoses, admitted=None if self.show is None else _SHOWN[self.show])


def read_wish(request: Request) -> RejectedWish:
    """The list's filter, from the address.

    Raises:
        Invalid: there is no such diagnosis, or no such part of the list.
    """
    diagnosis, shown = _parse_diagnosis(text_param(request, "diagnosis")), text_param(request, "show")
    if shown is not None and shown not in _SHOWN:
        raise Invalid(N_("Deliveries that wait can be shown, or those that were admitted."), field="show")
    return RejectedWish(diagnosis, shown)


def show_list(
    request: Request, runtime: Runtime, caller: Principal, scope: ViewedScope, tabs: list[dict[str, Any]]
) -> Response:
    """The list, as a tab of the events page."""
    wish = read_wish(request)
    cursor = text_param(request, "cursor", at_most=600)
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=scope, section="events", caller=caller)
        rows, next_cursor = rejected.list_rejected(
            db, wish.chosen(scope), cursor=cursor, cursor_key=get_cursor_key(db), limit=PER_PAGE
        )
        views = read_views(db, caller, shell, "events", wish.given)
        waiting = _read_waiting(runtime, db, shell)
        counted = _count(runtime, db, shell)
        diagnoses = rejected.list_diagnoses(db, Filter(shell.environment))
    here, params = f"/e/{scope}/events", wish.given
    filtered = bool(wish.diagnosis or wish.show)
    return render(
        shell,
        "rejected.html",
        rows=[
            {"row": row, "words": words_of(row.diagnosis), "admittable": row.diagnosis in ADMITTABLE} for row in rows
        ],
        tabs=tabs,
        chips=_chips(here, params, diagnoses) if rows or filtered else [],
        filtered=filtered,
        views=views,
        export_href=url(f"{here}/exports", **params),
        waiting=waiting,
        counted=counted,
        kept=rejected.MAX_ROWS,
        notice=_read_notice(request),
        shown=NP_("%(num)s delivery on this page", "%(num)s deliveries on this page", len(rows)),
        first_href=url(here, **params) if cursor else None,
        next_href=url(here, **params, cursor=next_cursor) if next_cursor else None,
    )


@router.get("/e/{scope}/rejected/{rejected_id}")
def show_one(request: Request, runtime: RuntimeDep, caller: Reader, scope: ViewedScope, rejected_id: str) -> Response:
    """One delivery: what is wrong with it by today's keys and URLs, how to mend it, and what it holds."""
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=scope, section="events", caller=caller)
        row = get_rejected(db, parse_id("rej", rejected_id), environment=shell.environment)
        ring = open_keyring(runtime.parts, db, ConnectorName(row.connector), row.environment, now=shell.now)
        diagnosis = Diagnosis.VERIFIES if row.admitted_at else diagnose(ring, row)
    connector, body = runtime.parts.connector(row.connector), payload.raw(bytes(row.body))
    return render(
        shell,
        "rejected_one.html",
        one=row,
        diagnosis=diagnosis,
        cause=EXPLAINED[diagnosis],
        admittable=diagnosis in ADMITTABLE and row.admitted_at is None,
        reason=REJECTED_REASON.get(row.reason, row.reason),
        body=body,
        headers=safe_headers(row.headers),
        console=read_console(connector, row.environment),
        marketplace=connector.label,
        notice=find_notice(text_param(request, "status")),
    )


@router.post("/e/{environment}/rejected/{rejected_id}/admissions")
def admit(
    runtime: RuntimeDep, caller: Replayer, environment: ActedEnvironment, rejected_id: str, form: Form
) -> Response:
    """Verify one again and take it in."""
    scope = parse_viewed(form.get("from") or environment.value)
    found, now = parse_id("rej", rejected_id), runtime.clock.now()
    with runtime.web_db.write() as db:
        admit_one(runtime.parts, db, found, environment=environment, actor=caller.actor, now=now)
    return RedirectResponse(url(f"/e/{scope}/rejected/{show_id('rej', found)}", status="delivery_admitted"), 303)


@router.post("/e/{environment}/rejected/admissions")
def admit_every(runtime: RuntimeDep, caller: Replayer, environment: ActedEnvironment, form: Form) -> Response:
    """Verify all that wait again and take in those that verify."""
    scope = parse_viewed(form.get("from") or environment.value)
    name = runtime.parts.connector(form.get("connector", "")).name
    done = admit_all(
        runtime.parts,
        runtime.web_db,
        name,
        environment=environment,
        actor=caller.actor,
        now=runtime.clock.now(),
    )
    here = f"/e/{scope}/events"
    return RedirectResponse(url(here, state=STATE, admitted=str(done.admitted), left=str(done.left)), 303)


def _parse_diagnosis(text: str | None) -> str | None:
    if text is not None and text not in set(Diagnosis):
        raise Invalid(N_("There is no such diagnosis."), field="diagnosis")
    return text


def words_of(diagnosis: str) -> str:
    """What is wrong, in a sentence; what a later version noted is named as it is."""
    return EXPLAINED[Diagnosis(diagnosis)].title if diagnosis in set(Diagnosis) else diagnosis


def _read_waiting(runtime: Runtime, db: Session, shell: Shell) -> list[dict[str, Any]]:
    """For each environment in view how many verify now and wait for a click."""
    found = []
    for name, environment in viewed_connectors(runtime, shell):
        number = count_admittable(db, name, environment=environment)
        if number:
            found.append({"connector": name, "environment": environment, "number": number})
    return found


def _count(runtime: Runtime, db: Session, shell: Shell) -> int:
    """All that were ever rejected, kept or not."""
    places = viewed_connectors(runtime, shell)
    return sum(rejected.count_rejected(db, name, environment=environment)[0] for name, environment in places)


def _chips(here: str, params: dict[str, str | None], found: Sequence[str]) -> list[dict[str, Any]]:
    """What is wrong with those that are there; what is chosen is taken off by a click on it."""
    diagnoses = {one.value: EXPLAINED[one].title for one in Diagnosis if one in found or one == params["diagnosis"]}
    shown = {"waiting": N_("Not admitted"), "admitted": N_("Admitted")}
    groups = ((N_("What is wrong"), "diagnosis", diagnoses), (N_("Show"), "show", shown))
    return [
        {
            "label": label,
            "entries": [
                {
                    "label": words,
                    "on": value == params[name],
                    "href": url(here, **{**params, name: None if value == params[name] else value}),
                }
                for value, words in values.items()
            ],
        }
        for label, name, values in groups
    ]


def _read_notice(request: Request) -> Notice | None:
    """How an admission of all went; the numbers are only shown where they are numbers."""
    admitted, left = text_param(request, "admitted", at_most=5), text_param(request, "left", at_most=5)
    if admitted is None or left is None or not (admitted + left).isascii() or not (admitted + left).isdigit():
        return find_notice(text_param(request, "status"))
    title = NP_("%(num)s delivery was admitted.", "%(num)s deliveries were admitted.", int(admitted))
    detail = (
        NP_(
            "%(num)s other does not verify; open one to see why.",
            "%(num)s others do not verify; open one to see why.",
            int(left),
        )
        if int(left)
        else ""
    )
    return Notice("good" if int(admitted) else "info", title, detail)
