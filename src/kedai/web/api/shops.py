"""Shops in JSON: the list with how each is doing, pause and resume, confirm, disconnect."""

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
from kedai.sync.shops import read_health
from kedai.values.environment import ConnectorName, Environment, Scope
from kedai.web.api.place import PREFIX, Connecter, FreshConnecter, Place, Reader
from kedai.web.api.shown import plain
from kedai.web.deps import ReadSession, RuntimeDep, WriteSession

router = APIRouter(prefix=f"{PREFIX}/connectors/{{connector}}/shops")


class Confirmation(BaseModel):
    """The shop's id, once more."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    shop_id: Annotated[str, Field(max_length=64)]


@router.get("")
def list_all(connector: str, place: Place, runtime: RuntimeDep, _caller: Reader, db: ReadSession) -> dict[str, Any]:
    """Every shop of an environment."""
    name = runtime.parts.connector(connector).name
    return {"connector": name, "environment": place.value, "shops": _shown(runtime, db, name, place)}


@router.get("/{shop_id}")
def show(
    connector: str, shop_id: str, place: Place, runtime: RuntimeDep, _caller: Reader, db: ReadSession
) -> dict[str, Any]:
    """One shop."""
    return _one(runtime, db, _scope(runtime, connector, place, shop_id))


@router.post("/{shop_id}/pause")
def pause(
    connector: str, shop_id: str, place: Place, runtime: RuntimeDep, caller: Connecter, db: WriteSession
) -> dict[str, Any]:
    """Let its events wait; 409 where it is not connected."""
    scope = _scope(runtime, connector, place, shop_id)
    accounts.pause(runtime.parts, db, scope, actor=caller.actor, now=runtime.clock.now())
    return _one(runtime, db, scope)


@router.delete("/{shop_id}/pause")
def resume(
    connector: str, shop_id: str, place: Place, runtime: RuntimeDep, caller: Connecter, db: WriteSession
) -> dict[str, Any]:
    """Go on; 409 where it is not paused."""
    scope = _scope(runtime, connector, place, shop_id)
    accounts.resume(runtime.parts, db, scope, actor=caller.actor, now=runtime.clock.now())
    return _one(runtime, db, scope)


@router.post("/{shop_id}/confirmation")
def confirm(
    connector: str,
    shop_id: str,
    place: Place,
    runtime: RuntimeDep,
    caller: FreshConnecter,
    db: WriteSession,
    body: Confirmation,
) -> dict[str, Any]:
    """Accept a pending shop."""
    scope = _scope(runtime, connector, place, shop_id)
    accounts.confirm(runtime.parts, db, scope, typed=body.shop_id, actor=caller.actor, now=runtime.clock.now())
    return _one(runtime, db, scope)


@router.delete("/{shop_id}/connection")
def disconnect(
    connector: str,
    shop_id: str,
    place: Place,
    runtime: RuntimeDep,
    caller: FreshConnecter,
    db: WriteSession,
) -> dict[str, Any]:
    """Forget its tokens; its orders and events stay."""
    scope = _scope(runtime, connector, place, shop_id)
    accounts.disconnect(runtime.parts, db, scope, typed=shop_id, actor=caller.actor, now=runtime.clock.now())
    return _one(runtime, db, scope)


def _scope(runtime: Runtime, connector: str, place: Environment, shop_id: str) -> Scope:
    if not shop_id.isprintable():
        raise NotFound("There is no such shop here.")
    return Scope(runtime.parts.connector(connector).name, place, shop_id)


def _one(runtime: Runtime, db: Session, scope: Scope) -> dict[str, Any]:
    for shop in _shown(runtime, db, scope.connector, scope.environment):
        if shop["shop_id"] == scope.shop_id:
            return shop
    raise NotFound("There is no such shop here.")


def _shown(runtime: Runtime, db: Session, name: ConnectorName, place: Environment) -> list[dict[str, Any]]:
    view = get_connection(runtime.parts, db, name, place)
    health = read_health(db, name, place, now=runtime.clock.now())
    return [plain({**asdict(shop), "health": asdict(health[shop.shop_id])}) for shop in view.shops]
