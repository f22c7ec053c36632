"""The demo's proof: orders of the active environment equal the simulator's, the other's are parked, then replayed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import typer

from kedai.cli.demo.world import World, wait_until
from kedai.db.database import Database
from kedai.inbox.service import count_parked
from kedai.kit.clock import monotonic
from kedai.orders.statement import OrderState, list_order_states
from kedai.values.environment import ConnectorName, Environment

SHOPEE = ConnectorName("shopee")
LEAST_ORDERS = 200
LEAST_PARKED = 20
_ORDERS = {Environment.SANDBOX: 260, Environment.LIVE: 40}
_DAY_SECONDS = 8
_SETTLE_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the marketplace says beside what Kedai believes."""

    marketplace: int
    kedai: int
    differences: tuple[str, ...]


def prove(world: World) -> bool:
    """Run the whole story and print a table; True when nothing differs."""
    began = monotonic()
    database = Database(f"sqlite:///{world.directory / 'data' / 'kedai.sqlite3'}", pool_size=2)
    try:
        rows, problems = _story(world, database)
    finally:
        database.close()
    _print_table(rows)
    for problem in problems:
        typer.echo(f"differs: {problem}")
    typer.echo(f"{'The main job works' if not problems else 'Something differs'} ({monotonic() - began:.1f} s).")
    return not problems


def _story(world: World, database: Database) -> tuple[list[tuple[str, str]], list[str]]:
    for environment, orders in _ORDERS.items():
        plan = {"seed": 7, "orders": orders, "duration_seconds": _DAY_SECONDS}
        world.tell_simulator(environment, "/control/busy-day", plan | {"shops": [int(world.shops[environment])]})
    for environment in Environment:
        wait_until(lambda environment=environment: not _is_busy(world, environment), _DAY_SECONDS + 10.0)  # type: ignore[misc]
    sandbox = _settled(world, database, Environment.SANDBOX)
    parked = _parked(database)
    early = _compare(world, database, Environment.LIVE).kedai
    switched = _switch_to_live(world)
    live = _settled(world, database, Environment.LIVE)
    # the catch-up may have brought every order before the replay came to its last event
    wait_until(lambda: _parked(database) == 0, _SETTLE_SECONDS)
    rows = [
        ("sandbox orders, marketplace / Kedai", f"{sandbox.marketplace} / {sandbox.kedai}"),
        ("live events parked while sandbox was active", str(parked)),
        ("live orders before the switch, Kedai", str(early)),
        ("live orders after switch and replay, marketplace / Kedai", f"{live.marketplace} / {live.kedai}"),
        ("live events still parked", str(_parked(database))),
    ]
    problems = [*sandbox.differences, *live.differences, *switched]
    if sandbox.kedai < LEAST_ORDERS:
        problems.append(f"only {sandbox.kedai} sandbox orders, expected at least {LEAST_ORDERS}")
    if parked < LEAST_PARKED:
        problems.append(f"only {parked} live events were parked, expected at least {LEAST_PARKED}")
    if early:
        problems.append(f"{early} live orders were worked on while sandbox was active")
    if _parked(database):
        problems.append("live events are still parked after the replay")
    return rows, problems


def _switch_to_live(world: World) -> list[str]:
    """The operator's acts: run the checks, switch, then replay what was parked."""
    admin = f"{world.url}/admin/dashboard/connectors/shopee"
    checked = world.browser.send_json("POST", f"{admin}/certificates?env=live", {}).json()
    if not checked["passed"]:
        return [f"check {one['name']}: {one['found']}" for one in checked["checks"] if one["state"] == "failed"]
    switched = world.browser.send_json(
        "POST", f"{admin}/active-environment", {"environment": "live", "confirm": "live"}
    )
    if switched.status != 200:
        return [f"the switch to live was refused: {switched.body.decode()}"]
    replayed = world.browser.post_form(f"{world.url}/e/live/events/replay-parked", {})
    return [] if replayed.status == 200 else [f"the replay was refused with {replayed.status}"]


def _settled(world: World, database: Database, environment: Environment) -> Comparison:
    """Compare until equal, or until time is up."""
    wait_until(lambda: not _compare(world, database, environment).differences, _SETTLE_SECONDS, every=0.25)
    return _compare(world, database, environment)


def _compare(world: World, database: Database, environment: Environment) -> Comparison:
    shop_id = world.shops[environment]
    stated = {
        order["order_sn"]: _stated(order)
        for order in world.simulator(environment, "/control/state?deliveries=0")["orders"]
        # nothing is pushed for an order before it is paid: it is not known yet
        if str(order["shop_id"]) == shop_id and order["order_status"] != "UNPAID"
    }
    with database.read() as db:
        believed = {
            one.order_sn: one
            for one in list_order_states(db, SHOPEE, environment=environment, shop_id=shop_id)
            if one.status != "UNPAID"
        }
    differences = [
        f"{environment.value} order {number}: marketplace {stated.get(number)}, Kedai {believed.get(number)}"
        for number in sorted(stated.keys() | believed.keys())
        if stated.get(number) != believed.get(number)
    ]
    return Comparison(len(stated), len(believed), tuple(differences))


def _stated(order: dict[str, Any]) -> OrderState:
    return OrderState(
        order_sn=order["order_sn"],
        status=order["order_status"],
        currency=order["currency"],
        total_amount=Decimal(str(order["total_amount"])),
        line_count=len(order["item_list"]),
        remote_updated_at=datetime.fromtimestamp(order["update_time"], UTC),
    )


def _is_busy(world: World, environment: Environment) -> bool:
    return bool(world.simulator(environment, "/control/busy-day")["running"])


def _parked(database: Database) -> int:
    with database.read() as db:
        return count_parked(db, SHOPEE, Environment.LIVE)


def _print_table(rows: list[tuple[str, str]]) -> None:
    width = max(len(name) for name, _ in rows)
    for name, value in rows:
        typer.echo(f"  {name:<{width}}  {value}")
