"""Merchants of main accounts in JSON: the list, pause and resume, confirm, disconnect."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.orm import Session

from kedai.errors import NotFound
from kedai.runtime import Runtime
from kedai.sync import accounts
from kedai.sync.connection import get_connection
from kedai.sync.shops import judge_authorization
from kedai.values.environment import ConnectorName, Environment, MerchantScope
from kedai.web.api.place import PREFIX, Connecter, FreshConnecter, Place, Reader
from kedai.web.api.shown import plain
from kedai.web.deps import ReadSession, RuntimeDep, WriteSession

router = APIRouter(prefix=f"{PREFIX}/connectors/{{connector}}/merchants")


class Confirmation(BaseModel):
    """The merchant's id, once more."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    merchant_id: Annotated[str, Field(max_length=64)]


@router.get("")
def list_all(connector: str, place: Place, runtime: RuntimeDep, _caller: Reader, db: ReadSession) -> dict[str, Any]:
    """Every merchant of an environment."""
    name = runtime.parts.connector(connector).name
    return {"connector": name, "environment": place.value, "merchants": _shown(runtime, db, name, place)}


@router.post("/{merchant_id}/pause")
def pause(
    connector: str, merchant_id: str, place: Place, runtime: RuntimeDep, caller: Connecter, db: WriteSession
) -> dict[str, Any]:
    """Set it aside, and keep its tokens; 409 where it is not connected."""
    scope = _scope(runtime, connector, place, merchant_id)
    accounts.pause(runtime.parts, db, scope, actor=caller.actor, now=runtime.clock.now())
    return _one(runtime, db, scope)


@router.delete("/{merchant_id}/pause")
def resume(
    connector: str, merchant_id: str, place: Place, runtime: RuntimeDep, caller: Connecter, db: WriteSession
) -> dict[str, Any]:
    """Go on; 409 where it is not paused."""
    scope = _scope(runtime, connector, place, merchant_id)
    accounts.resume(runtime.parts, db, scope, actor=caller.actor, now=runtime.clock.now())
    return _one(runtime, db, scope)


@router.post("/{merchant_id}/confirmation")
def confirm(
    connector: str,
    merchant_id: str,
    place: Place,
    runtime: RuntimeDep,
    caller: FreshConnecter,
    db: WriteSession,
    body: Confirmation,
) -> dict[str, Any]:
    """Accept a pending merchant, or the newer pair that is kept aside for it."""
    scope, typed = _scope(runtime, connector, place, merchant_id), body.merchant_id
    accounts.confirm(runtime.parts, db, scope, typed=typed, actor=caller.actor, now=runtime.clock.now())
    return _one(runtime, db, scope)


@router.delete("/{merchant_id}/connection")
def disconnect(
    connector: str, merchant_id: str, place: Place, runtime: RuntimeDep, caller: FreshConnecter, db: WriteSession
) -> dict[str, Any]:
    """Forget its tokens."""
    scope = _scope(runtime, connector, place, merchant_id)
    accounts.disconnect(runtime.parts, db, scope, typed=merchant_id, actor=caller.actor, now=runtime.clock.now())
    return _one(runtime, db, scope)


def _scope(runtime: Runtime, connector: str, place: Environment, merchant_id: str) -> MerchantScope:
    if not merchant_id.isprintable():
        raise NotFound("There is no such merchant here.")
    return MerchantScope(runtime.parts.connector(connector).name, place, merchant_id)


def _one(runtime: Runtime, db: Session, scope: MerchantScope) -> dict[str, Any]:
    for merchant in _shown(runtime, db, scope.connector, scope.environment):
        if merchant["merchant_id"] == scope.merchant_id:
            return merchant
    raise NotFound("There is no such merchant here.")


def _shown(runtime: Runtime, db: Session, name: ConnectorName, place: Environment) -> list[dict[str, Any]]:
    now = runtime.clock.now()
    return [
        plain({**asdict(one), "authorization": judge_authorization(one.authorized_until, now)})
        for one in get_connection(runtime.parts, db, name, place).merchants
    ]
