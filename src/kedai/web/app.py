"""The web application: the edge for pushes in front, then guard, JSON routes, and the pages last."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.types import ASGIApp

from kedai.runtime import Runtime
from kedai.sync.intake import Intake
from kedai.sync.rejections import Rejections
from kedai.web import errors, health, oauth
from kedai.web.api import (
    calls,
    certificates,
    confirmations,
    connectors,
    coverage,
    doctor,
    exceptions,
    merchants,
    orders,
    parity,
    parked,
    rebuilds,
    rejected,
    replays,
    retention,
    runs,
    schedules,
    setup,
    shops,
    sku_map,
)
from kedai.web.dashboard.assets import all_assets, require_vendor
from kedai.web.dashboard.router import router as dashboard
from kedai.web.edge import WebhookEdge
from kedai.web.live import Teller
from kedai.web.metrics import Metrics
from kedai.web.middleware import RequestGuard

APIS = (
    *(calls, connectors, certificates, confirmations, coverage, doctor, exceptions, orders, parity, parked, rebuilds),
    *(rejected, replays, retention, runs, schedules, setup, shops, merchants, sku_map),
)
"""The rooms of JSON routes."""
ROUTERS = (health.router, oauth.router, *(api.router for api in APIS), dashboard)
"""All routes in order. Taken as they are: the framework works out every argument anew of what it is told to include."""


def create_health_app(runtime: Runtime) -> ASGIApp:
    """What a worker alone answers: whether it lives, and whether it is ready."""
    app = FastAPI(title="Kedai worker", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.runtime, app.state.metrics = runtime, Metrics()
    app.include_router(health.router)
    errors.install(app)
    return app


def create_app(runtime: Runtime, *, intake: Intake | None = None) -> WebhookEdge:
    """The ASGI callable to serve; ``intake`` is handed in by who has a worker beside it to wake.

    Raises:
        Unavailable: the browser libraries are missing.
    """
    require_vendor(all_assets())
    metrics = Metrics()
    intake = intake or Intake(runtime.intake_parts)
    rejections = Rejections(runtime.parts)
    teller = Teller(runtime.parts)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await intake.start()
        await rejections.start()
        yield
        teller.stop()
        await intake.stop()
        await rejections.stop()
        await runtime.parts.http.close()

    # the framework's own documentation pages pull from another host, and its schema is public: all three stay off; nor
    # does it mend addresses: it would send whoever asks with a slash too many to the host that the request names
    app = FastAPI(
        title="Kedai",
        lifespan=lifespan,
        routes=[route for router in ROUTERS for route in router.routes],
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
    )
    app.state.runtime = runtime
    app.state.metrics = metrics
    app.state.teller = teller
    errors.install(app)
    guarded = RequestGuard(app, public_url=runtime.settings.public_url, metrics=metrics)
    return WebhookEdge(guarded, runtime, intake, rejections, metrics, begin_to_stop=teller.stop)
