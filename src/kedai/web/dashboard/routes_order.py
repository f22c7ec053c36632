"""The page of one order, and what a person does there: have it fetched again, and look at who bought it."""

from __future__ import annotations

import asyncio
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from kedai.errors import KedaiError, NotFound, StorageUnavailable
from kedai.kit.ids import parse_id, show_id
from kedai.orders import details, escrow, people
from kedai.orders.people import Person
from kedai.orders.queries import get_order
from kedai.runtime import Runtime
from kedai.sync.fetching import fetch_again
from kedai.sync.skus import skus_of_lines
from kedai.sync.timeline import Timeline, read_timeline
from kedai.values.environment import ConnectorName, Scope
from kedai.values.wording import N_
from kedai.web.dashboard import order_words
from kedai.web.dashboard.access import Reader, Replayer, Revealer
from kedai.web.dashboard.events import name_event
from kedai.web.dashboard.forms import Form
from kedai.web.dashboard.notice_words import Notice, find_notice
from kedai.web.dashboard.payload import masked_answer
from kedai.web.dashboard.render import known, render, url
from kedai.web.dashboard.shell import ActedEnvironment, Viewed, ViewedScope, parse_viewed, read_shell, text_param
from kedai.web.deps import RuntimeDep
from kedai.web.security import Principal

router = APIRouter()


@router.get("/e/{scope}/orders/{order_id}")
def show(request: Request, runtime: RuntimeDep, caller: Reader, scope: ViewedScope, order_id: str) -> Response:
    """One order; a link of one environment never opens the other's."""
    notice = find_notice(text_param(request, "status"))
    return _show(request, runtime, caller, scope, parse_id("ord", order_id), notice=notice)


@router.post("/e/{environment}/orders/{order_id}/fetches")
async def fetch(
    request: Request, runtime: RuntimeDep, caller: Replayer, environment: ActedEnvironment, order_id: str, form: Form
) -> Response:
    """Ask the marketplace about this order now."""
    scope, found = parse_viewed(form.get("from") or environment.value), parse_id("ord", order_id)
    try:
        is_new = await fetch_again(runtime.parts, found, environment=environment, actor=caller.actor)
    except (NotFound, StorageUnavailable):
        raise
    except KedaiError as error:
        notice = Notice("bad", N_("The order could not be fetched again."), known(error.message))
        return await asyncio.to_thread(_show, request, runtime, caller, scope, found, notice=notice, status=409)
    status = "order_fetched" if is_new else "order_same"
    return RedirectResponse(url(f"/e/{scope}/orders/{show_id('ord', found)}", status=status), 303)


@router.post("/e/{environment}/orders/{order_id}/reveals")
def reveal(
    request: Request, runtime: RuntimeDep, caller: Revealer, environment: ActedEnvironment, order_id: str, form: Form
) -> Response:
    """Show the personal data this once; that it was shown is recorded. Not an address that could be opened again."""
    scope, found = parse_viewed(form.get("from") or environment.value), parse_id("ord", order_id)
    with runtime.web_db.write() as db:
        person = people.reveal(db, found, environment=environment, actor=caller.actor, now=runtime.clock.now())
    return _show(request, runtime, caller, scope, found, person=person)


def _show(
    request: Request,
    runtime: Runtime,
    caller: Principal,
    scope: Viewed,
    order_id: UUID,
    *,
    notice: Notice | None = None,
    person: Person | None = None,
    status: int = 200,
) -> Response:
    with runtime.web_db.read() as db:
        shell = read_shell(request, runtime, db, viewed=scope, section="orders", caller=caller)
        order = get_order(db, order_id, environment=shell.environment)
        items, packages = details.list_items(db, order), details.list_packages(db, order)
        skus = skus_of_lines(db, Scope(ConnectorName(order.connector), order.environment, order.shop_id), items)
        earnings = escrow.find_escrow(db, order)
        timeline = read_timeline(db, order)
        answers = details.get_answers(db, order)
        shown = person or people.get_masked(db, order.id)
    return render(
        shell,
        "order.html",
        status=status,
        order=order,
        person=shown,
        items=items,
        skus=skus,
        packages=packages,
        names={(one.item_id, one.model_id): _name(one.name, one.model_name) for one in items},
        earnings=earnings,
        timeline=timeline,
        event_names=_event_names(runtime, timeline),
        waiting=[one.event for one in timeline.entries if one.event and one.event.state in {"dead", "parked"}],
        answer_count=answers.count,
        answer=None if answers.latest is None else masked_answer(answers.latest.body),
        order_words=order_words,
        notice=notice,
    )


def _name(product: str, variant: str) -> str:
    """The product and its variant: a parcel may hold several variants of one product."""
    return f"{product} ({variant})" if product and variant else product


def _event_names(runtime: Runtime, timeline: Timeline) -> dict[UUID, str]:
    return {one.event.id: name_event(runtime, one.event) for one in timeline.entries if one.event}
