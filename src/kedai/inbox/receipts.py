"""Whether deliveries were refused of late: then it is not known what was missed."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.inbox.models import RejectedCount
from kedai.values.environment import ConnectorName, Environment


def find_last_rejection(db: Session, connector: ConnectorName, environment: Environment) -> datetime | None:
    """When the last delivery that did not verify came, for whatever reason; None where none ever did."""
    statement = sa.select(sa.func.max(RejectedCount.last_at))
    return db.execute(
        statement.where(RejectedCount.connector == connector, RejectedCount.environment == environment)
    ).scalar()
