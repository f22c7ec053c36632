"""The JSON routes of going live: run the checks, read what they found, register pushes at the marketplace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse, Response

from kedai.staff.roles import Capability
from kedai.sync.preflight.register import register_pushes
from kedai.sync.preflight.run import certify
from kedai.vault.certificates import list_certificates, objection_to, show_certificate
from kedai.vault.queries import get_credentials
from kedai.web.api.shown import plain
from kedai.web.api.target import EnvQuery, get_target
from kedai.web.deps import ReadSession, RuntimeDep, require
from kedai.web.security import Principal

if TYPE_CHECKING:
    from kedai.vault.models import GoLiveCertificate

router = APIRouter(prefix="/admin/dashboard/connectors/{connector}")

Reader = Annotated[Principal, Depends(require(Capability.READ))]
Connecter = Annotated[Principal, Depends(require(Capability.SHOPS_CONNECT))]
_LISTED = 20


@router.get("/certificates")
def show(connector: str, env: EnvQuery, runtime: RuntimeDep, caller: Reader, db: ReadSession) -> dict[str, Any]:
    """The newest certificates, newest first; ``valid`` says whether the first one lets somebody go live now."""
    name, environment = get_target(runtime, connector, env, caller)
    found = list_certificates(db, name, environment, limit=_LISTED)
    version = get_credentials(db, name, environment).version
    latest = found[0] if found else None
    objection = objection_to(latest, credentials_version=version, now=runtime.clock.now())
    return {
        "connector": name,
        "environment": environment.value,
        "version": version,
        "valid": not objection,
        "objection": objection or None,
        "certificates": [_shown(one) for one in found],
    }


@router.post("/certificates", status_code=201)
async def run(connector: str, env: EnvQuery, runtime: RuntimeDep, caller: Connecter) -> Response:
    """Run the checks now and keep what they found; 201 whether they passed or not."""
    name, environment = get_target(runtime, connector, env, caller)
    certificate = await certify(runtime.parts, name, environment, actor=caller.actor)
    return JSONResponse(_shown(certificate), 201, headers={"Cache-Control": "no-store"})


@router.post("/push-registration")
async def register(connector: str, env: EnvQuery, runtime: RuntimeDep, caller: Connecter) -> dict[str, Any]:
    """Tell the marketplace our push address and the codes that are needed."""
    name, environment = get_target(runtime, connector, env, caller)
    done = await register_pushes(runtime.parts, name, environment, actor=caller.actor)
    return {
        "connector": name,
        "environment": environment.value,
        "callback_url": done.callback_url,
        "codes": done.codes_on,
    }


def _shown(certificate: GoLiveCertificate) -> dict[str, Any]:
    shown: dict[str, Any] = plain(
        {
            "id": show_certificate(certificate),
            "connector": certificate.connector,
            "environment": certificate.environment.value,
            "credentials_version": certificate.credentials_version,
            "checked_at": certificate.checked_at,
            "checked_by": certificate.checked_by,
            "passed": certificate.passed,
            "checks": certificate.checks,
        }
    )
    return shown
