"""The JSON way to prove once more that it is you, before a dangerous act of a session."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from kedai.staff.roles import Capability
from kedai.web.deps import RuntimeDep, is_secure, require
from kedai.web.security import Principal, set_session_cookie
from kedai.web.sign_in import confirm

router = APIRouter()

Person = Annotated[Principal, Depends(require(Capability.ACCOUNT))]


class ConfirmationBody(BaseModel):
    """The password, and the code where a second factor is set up."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    password: SecretStr = Field(max_length=1024)
    code: SecretStr = Field(default=SecretStr(""), max_length=100)


@router.post("/admin/dashboard/confirmations", status_code=204)
def confirm_identity(request: Request, body: ConfirmationBody, runtime: RuntimeDep, caller: Person) -> Response:
    """For five minutes dangerous acts of this session ask for nothing more; the session gets a new token."""
    token = confirm(runtime, request, caller, body.password.get_secret_value(), body.code.get_secret_value())
    response = Response(status_code=204)
    set_session_cookie(response, token, secure=is_secure(runtime))
    return response
