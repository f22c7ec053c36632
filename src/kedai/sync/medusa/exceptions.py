"""Old troubles: each stays what it was, open or resolved, for a person to look through."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from sqlalchemy.orm import Session

from kedai.connector_exceptions.adopt import AdoptedException, adopt, find_adopted
from kedai.kit.log import redact_text
from kedai.sync.medusa.fields import Fields, RefusedRow
from kedai.sync.medusa.job import SHOPEE, Job, Tally
from kedai.values.environment import ConnectorName

_RESOLVED: Final = frozenset({"resolved", "closed", "done", "fixed", "ignored", "dismissed"})
_SECRET_LIKE: Final = re.compile(r"[0-9A-Za-z+/_=-]{24,}")
_NEXT_STEP: Final = "It came from the old system: see whether it still matters."


def read_exception(job: Job, fields: Fields) -> AdoptedException:
    """A trouble in our words; texts are redacted, since old messages may quote a call."""
    environment, origin = fields.environment(), fields.short("id")
    connector = ConnectorName(fields.text("connector") or SHOPEE)
    if connector not in job.parts.connectors:
        raise RefusedRow("its connector is not known here")
    first = fields.instant("first_seen_at") or fields.instant("last_seen_at")
    if origin is None or first is None:
        raise RefusedRow("it has no id" if origin is None else "it does not say when it happened")
    count, shop_id = fields.text("count") or "1", fields.text("shop_id") or ""
    code = _harmless(fields.short("code") or "imported")
    resolved = fields.text("resolved_at") is not None or (fields.text("status") or "").lower() in _RESOLVED
    return AdoptedException(
        connector=connector,
        environment=environment,
        origin=origin,
        code=code,
        title=_harmless(fields.short("title") or code),
        next_step=_NEXT_STEP,
        resolved=resolved,
        count=max(int(count), 1) if count.isascii() and count.isdigit() and len(count) < 10 else 1,
        shop_id=shop_id if shop_id.isascii() and shop_id.isdigit() else None,
        order_sn=fields.order_sn(),
        first_seen_at=first,
        last_seen_at=max(first, fields.instant("last_seen_at") or first),
    )


def _harmless(text: str) -> str:
    """Without what may be a key or a token: longer than any order number, and without a space."""
    return _SECRET_LIKE.sub("***", redact_text(text))


def write_exceptions(job: Job, db: Session, rows: Sequence[AdoptedException]) -> Tally:
    """What was taken over before stays as the operator left it."""
    known = find_adopted(db, rows)
    new = {one.key: one for one in rows if one.key not in known}
    if job.apply:
        adopt(db, list(new.values()))
    return Tally(new=len(new), present=len(rows) - len(new))
