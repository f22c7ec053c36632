"""The sellers' consents as verbs: given, taken back, ended by the clock; each tells the apps by its push."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kedai.simulator.pushing import bodies
from kedai.simulator.state.authorizations import DAY_SECONDS, LONGEST_LINK_DAYS, Subject
from kedai.simulator.state.lifecycle import Push

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kedai.simulator.pushing.bodies import NamedIn
    from kedai.simulator.pushing.courier import Courier
    from kedai.simulator.pushing.timers import Timers
    from kedai.simulator.state.apps import App, MainAccount
    from kedai.simulator.state.authorizations import Link
    from kedai.simulator.state.world import World

WARNED_SECONDS = 7 * DAY_SECONDS


class Consents:
    """Writes the ledger and lets the courier tell of it; the clock ends what nobody takes back."""

    def __init__(self, world: World, timers: Timers, courier: Courier) -> None:
        """Work on the environment's ledger."""
        self._world = world
        self._timers = timers
        self._courier = courier

    def approve_shop(self, app: App, shop_id: int, *, days: int = LONGEST_LINK_DAYS) -> str:
        """Link a shop to the app, tell it, and return the one-time code."""
        subject = Subject("shop", shop_id)
        code = self._link(app, (subject,), days=days, main_account_id=None)
        self._courier.emit(app, shop_id, [Push(bodies.AUTHORIZED_PUSH, bodies.authorization_data(subject))])
        return code

    def approve_main_account(
        self, app: App, account: MainAccount, subjects: tuple[Subject, ...], *, days: int = LONGEST_LINK_DAYS
    ) -> str:
        """Link some of a main account's shops and merchants to the app, tell it, and return the one code of all."""
        code = self._link(app, subjects, days=days, main_account_id=account.main_account_id)
        data = bodies.main_authorization_data(subjects, account.main_account_id)
        self._courier.emit(app, None, [Push(bodies.AUTHORIZED_PUSH, data)])
        return code

    def revoke(self, subject: Subject, *, named_in: NamedIn = "field", partner_id: int | None = None) -> int:
        """Cut the subject's links, or its one to an app, tell the apps, and return how many were cut."""
        cut = self._world.ledger.revoke(subject, partner_id)
        for link in cut:
            self._tell_end(link, Push(bodies.UNAUTHORIZED_PUSH, bodies.cancellation_data(subject, named_in)))
        return len(cut)

    def end_in(self, subject: Subject, seconds: int) -> int:
        """Let the subject's live links end so many seconds from now; return how many there are."""
        now = self._world.clock.now()
        links = [link for link in self._world.ledger.links_of(subject) if link.is_alive(now)]
        for link in links:
            link.expire_time, link.is_warned = now + seconds, False
            self._watch(link)
        return len(links)

    def resume(self) -> None:
        """Wait again for the ends of all consents, and tell of those that passed meanwhile."""
        for link in self._world.ledger.links.values():
            if not link.revoked:
                self._watch(link)

    def _link(self, app: App, subjects: tuple[Subject, ...], *, days: int, main_account_id: int | None) -> str:
        ledger, now = self._world.ledger, self._world.clock.now()
        code = ledger.approve(app.partner_id, subjects, now, days=days, main_account_id=main_account_id)
        for subject in subjects:
            self._watch(ledger.links[app.partner_id, subject])
        return code

    def _watch(self, link: Link) -> None:
        self._timers.at(link.expire_time - WARNED_SECONDS, lambda: self._warn(link.partner_id))
        self._timers.at(link.expire_time, lambda: self._expire(link))

    def _warn(self, partner_id: int) -> None:
        """Push 12: at partner level, everybody whose consent ends within seven days, in pages."""
        now = self._world.clock.now()
        soon = [
            link
            for kind in ("shop", "merchant")
            for link in self._world.ledger.alive(partner_id, kind, now)
            if link.expire_time <= now + WARNED_SECONDS and not link.is_warned
        ]
        for link in soon:
            link.is_warned = True
        told = [link.subject for link in soon]
        pages = list(_pages(told, self._world.switches.expiry_push_page_size))
        pushes = [
            Push(bodies.EXPIRY_PUSH, bodies.expiry_data(page, now + WARNED_SECONDS, number, len(pages)))
            for number, page in enumerate(pages, start=1)
        ]
        self._courier.emit(self._world.apps[partner_id], None, pushes)

    def _expire(self, link: Link) -> None:
        """Push 2, unless the seller gave another consent or changed this one meanwhile."""
        is_current = self._world.ledger.links.get((link.partner_id, link.subject)) is link
        if is_current and not link.revoked and link.expire_time <= self._world.clock.now():
            self._tell_end(link, Push(bodies.UNAUTHORIZED_PUSH, bodies.expired_data(link.subject)))

    def _tell_end(self, link: Link, push: Push) -> None:
        shop_id = link.subject.number if link.subject.kind == "shop" else None
        self._courier.emit(self._world.apps[link.partner_id], shop_id, [push])


def _pages(subjects: Sequence[Subject], size: int) -> list[Sequence[Subject]]:
    return [subjects[first : first + size] for first in range(0, len(subjects), size)]
