"""How Alembic runs here: always on the connection and inside the transaction that `upgrade` opened."""

from __future__ import annotations

from alembic import context

import kedai.runtime  # noqa: F401  importing it registers every table
from kedai.db.base import Model

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Model.metadata,
    transactional_ddl=True,
    render_as_batch=context.config.attributes["connection"].dialect.name == "sqlite",
)
context.run_migrations()
