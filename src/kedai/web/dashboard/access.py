"""What each page asks of its caller: one capability, by a name that says it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends

from kedai.staff.roles import Capability
from kedai.web.deps import require
from kedai.web.security import Principal

Reader = Annotated[Principal, Depends(require(Capability.READ))]
Editor = Annotated[Principal, Depends(require(Capability.CREDENTIALS_WRITE))]
Connecter = Annotated[Principal, Depends(require(Capability.SHOPS_CONNECT))]
Switcher = Annotated[Principal, Depends(require(Capability.ENVIRONMENT_SWITCH))]
KeyKeeper = Annotated[Principal, Depends(require(Capability.KEYS_MANAGE))]
Replayer = Annotated[Principal, Depends(require(Capability.EVENTS_REPLAY))]
