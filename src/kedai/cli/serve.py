"""`kedai serve`, `kedai web` and `kedai worker`: the running installation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

    from kedai.settings import Settings

Host = Annotated[str, typer.Option(help="Address to listen on.")]
Port = Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65535)]
WebServer = Annotated[
    Literal["uvicorn", "granian"], typer.Option(help="The HTTP server; granian is an extra: kedai[granian].")
]

WORKER_STOP_SECONDS = 15.0


def serve(host: Host = "127.0.0.1", port: Port = 8080, server: WebServer = "uvicorn") -> None:
    """Run web and worker together (the whole of an embedded installation)."""
    from kedai.cli.installation import open_installation
    from kedai.sync.intake import Intake
    from kedai.sync.worker import Worker, WorkerThread
    from kedai.web.app import create_app
    from kedai.web.conditions import watched

    with open_installation(_settings(host, port), role="serve", may_create_key=True) as runtime:
        intake = Intake(runtime.intake_parts)
        worker = Worker(runtime.worker_parts, must_yield=intake.is_busy, wrong=watched(runtime))
        intake.on_stored = worker.wake
        thread = WorkerThread(worker)
        thread.start()
        try:
            url = runtime.settings.public_url
            app = create_app(runtime, intake=intake)
            _run_server(server)(app, host=host, port=port, on_started=lambda: _say(f"Kedai is ready at {url}"))
        finally:
            thread.stop(WORKER_STOP_SECONDS)


def web(host: Host = "127.0.0.1", port: Port = 8080, server: WebServer = "uvicorn") -> None:
    """Run the web server alone (PostgreSQL only)."""
    from kedai.cli.installation import open_installation, refuse_embedded
    from kedai.web.app import create_app

    settings = _settings(host, port)
    refuse_embedded(settings, "web")
    with open_installation(settings, role="web", may_create_key=False) as runtime:
        url = runtime.settings.public_url
        _run_server(server)(
            create_app(runtime), host=host, port=port, on_started=lambda: _say(f"Kedai is ready at {url}")
        )


def worker(
    host: Host = "127.0.0.1",
    port: Annotated[int | None, typer.Option(help="Answer /livez and /readyz on this port.", min=1, max=65535)] = None,
) -> None:
    """Run a worker alone (PostgreSQL only); as many as you like."""
    import asyncio
    import signal

    from kedai.cli.installation import open_installation, refuse_embedded
    from kedai.kit import interpreter
    from kedai.settings import load_settings
    from kedai.sync.worker import Worker
    from kedai.web.app import create_health_app
    from kedai.web.conditions import watched
    from kedai.web.server import make_server

    settings = load_settings()
    refuse_embedded(settings, "worker")

    async def run() -> None:
        one = Worker(runtime.worker_parts, wrong=watched(runtime))
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, one.stop)
        if port is None:
            interpreter.settle()
            _say("Kedai's worker is ready")
            await one.run()
            return
        server = make_server(create_health_app(runtime), host=host, port=port)
        serving = asyncio.create_task(server.serve())
        interpreter.settle()
        _say(f"Kedai's worker is ready; its health is at http://{host}:{port}/readyz")
        await one.run()
        server.should_exit = True
        await serving

    with open_installation(settings, role="worker", may_create_key=False) as runtime:
        asyncio.run(run())


def _run_server(name: str) -> Callable[..., None]:
    if name == "granian":
        from kedai.web import granian_server

        return granian_server.serve
    from kedai.web import server

    return server.serve


def _settings(host: str, port: int) -> Settings:
    """Where no public URL is set, it is the loopback address we listen on."""
    from kedai.settings import is_loopback, load_settings

    settings = load_settings()
    if "public_url" in settings.model_fields_set:
        return settings
    name = host if is_loopback(host) and ":" not in host else "127.0.0.1"
    listening = settings.model_copy(update={"public_url": f"http://{name}:{port}"})
    listening.model_fields_set.discard("public_url")  # nobody set it: it says nothing of which installation this is
    return listening


def _say(text: str) -> None:
    typer.echo(text, err=True)
