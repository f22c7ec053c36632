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
Revealer = Annotated[Principal, Depends(require(Capability.PERSONAL_REVEAL))]
CatalogKeeper = Annotated[Principal, Depends(require(Capability.CATALOG_WRITE))]
Person = Annotated[Principal, Depends(require(Capability.ACCOUNT))]
AuditReader = Annotated[Principal, Depends(require(Capability.AUDIT_READ))]
TokenManager = Annotated[Principal, Depends(require(Capability.TOKENS_MANAGE))]
Notifier = Annotated[Principal, Depends(require(Capability.NOTIFICATIONS_MANAGE))]
StaffManager = Annotated[Principal, Depends(require(Capability.STAFF_MANAGE))]

# the same, for dangerous acts: who proved within the last minutes that it is they
FreshEditor = Annotated[Principal, Depends(require(Capability.CREDENTIALS_WRITE, fresh=True))]
FreshConnecter = Annotated[Principal, Depends(require(Capability.SHOPS_CONNECT, fresh=True))]
FreshReplayer = Annotated[Principal, Depends(require(Capability.EVENTS_REPLAY, fresh=True))]
FreshPerson = Annotated[Principal, Depends(require(Capability.ACCOUNT, fresh=True))]
FreshTokenManager = Annotated[Principal, Depends(require(Capability.TOKENS_MANAGE, fresh=True))]
FreshStaffManager = Annotated[Principal, Depends(require(Capability.STAFF_MANAGE, fresh=True))]
FreshNotifier = Annotated[Principal, Depends(require(Capability.NOTIFICATIONS_MANAGE, fresh=True))]
FreshKeyKeeper = Annotated[Principal, Depends(require(Capability.KEYS_MANAGE, fresh=True))]
