"""The pages of an operator, complete without script."""

from __future__ import annotations

from fastapi import FastAPI

from kedai.web.dashboard.router import router


def mount(app: FastAPI) -> None:
    """Add the pages; last, since they answer everything that is no machine's."""
    app.include_router(router)
