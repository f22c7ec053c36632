"""Packages of orders: written with the order, and where a push alone tells of them; every change is noted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy.orm import Session

from kedai.db.bulk import BulkInsert, Insert
from kedai.kit.ids import new_id
from kedai.orders.models import OrderPackage, OrderPackageChange
from kedai.values.environment import Scope
from kedai.values.event import PackageNews
from kedai.values.order import OrderPackage as Package
from kedai.values.order import OrderSnapshot

ADDED, REMOVED = "added", "removed"
_KEY = ("connector", "environment", "shop_id", "order_sn", "package_number")


def _replace(insert: Insert) -> sa.UpdateBase:
    changed = {
        column.name: insert.excluded[column.name] for column in OrderPackage.__table__.c if column.name not in _KEY
    }
    return insert.on_conflict_do_update(index_elements=list(_KEY), set_=changed)


_PACKAGES = BulkInsert(OrderPackage, _replace)
_CHANGES = BulkInsert(OrderPackageChange)


class _Standing(NamedTuple):
    """A package as it stands."""

    order_sn: str
    package_number: str
    status: str
    carrier: str | None
    tracking_number: str | None
    tracked_at: datetime | None
    document_status: str | None
    documented_at: datetime | None
    items: Any


@dataclass(frozen=True, slots=True)
class _Change:
    """One line of a package's history."""

    order_sn: str
    package_number: str
    field: str
    before: str | None
    after: str | None
    changed_at: datetime


def replace(
    db: Session, scope: Scope, snapshots: Sequence[OrderSnapshot], *, known: Iterable[str], now: datetime
) -> None:
    """Write the packages of orders whose answer is new; ``known`` names those of them that stood before.

    What only pushes tell (a tracking number, the document's state) stays while the answers do not say it.
    """
    held = set(known)
    standing = _standing(db, scope, [one.order_sn for one in snapshots if one.order_sn in held])
    rows, changes, gone = [], [], []
    for snapshot in snapshots:
        before = standing.get(snapshot.order_sn)
        told = {one.package_number: one for one in snapshot.packages}
        for number, package in sorted(told.items()):
            row, found = _compare(snapshot, package, (before or {}).get(number))
            if row is not None:
                rows.append({**_place(scope), "order_sn": snapshot.order_sn, "package_number": number, **row})
            changes += found if snapshot.order_sn in held else []
        for number in sorted(set(before or {}) - set(told)):
            gone.append((snapshot.order_sn, number))
            changes.append(_Change(snapshot.order_sn, number, REMOVED, None, None, snapshot.remote_updated_at))
    _write(db, rows)
    _remove(db, scope, gone)
    _note(db, scope, changes, now)


def learn(db: Session, scope: Scope, news: Sequence[PackageNews], *, now: datetime) -> None:
    """Take over what pushes say of packages that there are; the latest word on each thing stands (``stated_at``)."""
    standing = _standing(db, scope, sorted({one.order_sn for one in news if one.order_sn}))
    changes: list[_Change] = []
    for one in sorted(news, key=lambda one: one.stated_at):
        package = standing.get(one.order_sn or "", {}).get(one.package_number)
        if package is None:
            continue
        values = dict(_newer(package, one))
        if not values:
            continue
        where = (*_same(scope), OrderPackage.order_sn == package.order_sn)
        db.execute(
            sa.update(OrderPackage)
            .where(*where, OrderPackage.package_number == package.package_number)
            .values(**values)
        )
        changes += [
            _Change(package.order_sn, package.package_number, name, getattr(package, name), value, one.stated_at)
            for name, value in values.items()
            if name in {"tracking_number", "document_status"} and value != getattr(package, name)
        ]
        standing[package.order_sn][package.package_number] = package._replace(**values)
    _note(db, scope, changes, now)


def _newer(package: _Standing, news: PackageNews) -> Iterable[tuple[str, Any]]:
    if news.tracking_number and (package.tracked_at is None or package.tracked_at <= news.stated_at):
        yield from (("tracking_number", news.tracking_number), ("tracked_at", news.stated_at))
    if news.document_status and (package.documented_at is None or package.documented_at <= news.stated_at):
        yield from (("document_status", news.document_status), ("documented_at", news.stated_at))


def _standing(db: Session, scope: Scope, order_sns: Sequence[str]) -> dict[str, dict[str, _Standing]]:
    if not order_sns:
        return {}
    columns = [getattr(OrderPackage, name) for name in _Standing._fields]
    found: dict[str, dict[str, _Standing]] = {}
    for row in db.execute(sa.select(*columns).where(*_same(scope), OrderPackage.order_sn.in_(order_sns))):
        found.setdefault(row.order_sn, {})[row.package_number] = _Standing(*row)
    return found


def _compare(
    snapshot: OrderSnapshot, package: Package, before: _Standing | None
) -> tuple[Mapping[str, Any] | None, list[_Change]]:
    """The row to write, or None where nothing changed; and what is to be noted."""
    at = snapshot.remote_updated_at
    tracked = package.tracking_number
    row: dict[str, Any] = {
        "status": package.status,
        "carrier": package.carrier,
        "tracking_number": tracked or (before.tracking_number if before else None),
        "tracked_at": at if tracked else (before.tracked_at if before else None),
        "document_status": before.document_status if before else None,
        "documented_at": before.documented_at if before else None,
        "items": [[one.item_id, one.model_id, one.quantity] for one in package.items],
    }
    number = package.package_number
    if before is None:
        return row, [_Change(snapshot.order_sn, number, ADDED, None, package.status, at)]
    changed = [name for name in ("status", "carrier", "tracking_number") if row[name] != getattr(before, name)]
    changes = [_Change(snapshot.order_sn, number, name, getattr(before, name), row[name], at) for name in changed]
    return (row if changed or row["items"] != before.items else None), changes


def _write(db: Session, rows: list[dict[str, Any]]) -> None:
    if rows:
        _PACKAGES.execute(db, sorted(rows, key=lambda row: (row["order_sn"], row["package_number"])))


def _remove(db: Session, scope: Scope, gone: Sequence[tuple[str, str]]) -> None:
    for order_sn, number in gone:  # rare: an order was divided otherwise
        where = (*_same(scope), OrderPackage.order_sn == order_sn, OrderPackage.package_number == number)
        db.execute(sa.delete(OrderPackage).where(*where))


def _note(db: Session, scope: Scope, changes: Sequence[_Change], now: datetime) -> None:
    if not changes:
        return
    names = _Change.__dataclass_fields__
    rows = [
        {"id": new_id(), **_place(scope), **{name: getattr(one, name) for name in names}, "recorded_at": now}
        for one in changes
    ]
    _CHANGES.execute(db, rows)


def _place(scope: Scope) -> dict[str, Any]:
    return {"connector": scope.connector, "environment": scope.environment, "shop_id": scope.shop_id}


def _same(scope: Scope) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        OrderPackage.connector == scope.connector,
        OrderPackage.environment == scope.environment,
        OrderPackage.shop_id == scope.shop_id,
    )
