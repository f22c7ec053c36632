"""Sandbox and live compared in JSON, and settings copied across: a preview first, and the rules of the page."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field

from kedai.errors import Forbidden, Invalid
from kedai.staff.roles import Capability
from kedai.sync import parity
from kedai.values.environment import Environment
from kedai.web.api.shown import plain
from kedai.web.deps import MaybeCaller, ReadSession, RuntimeDep, WriteSession, require
from kedai.web.security import Principal


def refuse_tokens(caller: MaybeCaller) -> None:
    """Whoever asks here sees both environments.

    Raises:
        Forbidden: the caller came with a token, which is bound to one.
    """
    if caller is not None and caller.kind == "token":
        raise Forbidden("A token reaches one environment: sandbox and live are compared by people.")


router = APIRouter(prefix="/admin/dashboard/connectors/{connector}/parity", dependencies=[Depends(refuse_tokens)])

Reader = Annotated[Principal, Depends(require(Capability.READ))]
Editor = Annotated[Principal, Depends(require(Capability.CREDENTIALS_WRITE))]
FreshEditor = Annotated[Principal, Depends(require(Capability.CREDENTIALS_WRITE, fresh=True))]
ToQuery = Annotated[list[str], Query(alias="to", default_factory=list)]


class CopyBody(BaseModel):
    """The fields to copy, and the preview's ``tag``: it names the versions that were looked at."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    fields: list[Annotated[str, Field(max_length=64)]] = Field(min_length=1, max_length=32)
    tag: str = Field(max_length=64)


@router.get("")
def compare(connector: str, runtime: RuntimeDep, _caller: Reader, db: ReadSession) -> dict[str, Any]:
    """Both environments, field by field. Of a secret it says whether it is set, and the verdict: nothing else."""
    name = runtime.parts.connector(connector).name
    found = parity.compare(runtime.parts, db, name)
    sides = {one.value: _shown_side(side) for one, side in found.sides.items()}
    fields = [_shown_field(pair) for pair in found.fields]
    return {"connector": name, "active_environment": found.active.value, "fields": fields, **sides}


@router.get("/copy")
def preview(connector: str, to: ToQuery, runtime: RuntimeDep, _caller: Editor, db: ReadSession) -> dict[str, Any]:
    """What copying to an environment would change, and the tag to send with the copy."""
    name, target = runtime.parts.connector(connector).name, _target(to)
    plan = parity.plan_copy(runtime.parts, db, name, source=target.other, target=target)
    changes = [{"name": one.name, "label": one.label, "before": one.before, "after": one.after} for one in plan.changes]
    return {"connector": name, "from": plan.source.value, "to": plan.target.value, "tag": plan.tag, "changes": changes}


@router.post("/copy")
def copy(
    connector: str, to: ToQuery, body: CopyBody, runtime: RuntimeDep, caller: FreshEditor, db: WriteSession
) -> dict[str, Any]:
    """Copy the named fields; 412 where one of the environments was edited after the preview."""
    name, target = runtime.parts.connector(connector).name, _target(to)
    changed = parity.copy(
        runtime.parts,
        db,
        name,
        source=target.other,
        target=target,
        fields=body.fields,
        tag=body.tag,
        actor=caller.actor,
        now=runtime.clock.now(),
    )
    return {"connector": name, "from": target.other.value, "to": target.value, "changed": list(changed)}


def _target(to: list[str]) -> Environment:
    if len(to) != 1 or to[0] not in set(Environment):
        raise Invalid("Name the environment to copy to: ?to=sandbox or ?to=live.", field="to")
    return Environment(to[0])


def _shown_field(pair: parity.FieldPair) -> dict[str, Any]:
    shown = {"name": pair.name, "label": pair.label, "secret": pair.secret, "copyable": pair.copyable}
    for environment, text in pair.texts.items():
        value = {} if pair.secret else {"value": text}
        shown[environment.value] = {"set": text is not None, **value}
    return {**shown, "verdict": pair.verdict.value}


def _shown_side(side: parity.Side) -> dict[str, Any]:
    shown: dict[str, Any] = plain(
        {
            "version": side.version,
            "updated_at": side.updated_at,
            "updated_by": side.updated_by,
            "missing": side.missing,
            "shops": [{"shop_id": shop_id, "state": state} for shop_id, state in side.shops],
        }
    )
    return shown
