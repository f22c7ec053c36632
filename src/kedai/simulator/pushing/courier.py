"""Delivers pushes over HTTP and tries again by the ladder (contract §4.2)."""

from __future__ import annotations

import asyncio
import json
import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiohttp

from kedai.simulator.pushing.bodies import TEST_PUSH, write_body
from kedai.simulator.signing import sign_push
from kedai.simulator.state.deliveries import Attempt, Delivery
from kedai.simulator.state.dice import Dice, digest
from kedai.simulator.state.faults import Target, take
from kedai.simulator.state.lifecycle import Push

if TYPE_CHECKING:
    from kedai.simulator.pushing.timers import Timers
    from kedai.simulator.state.apps import App
    from kedai.simulator.state.world import World

ANSWER_SECONDS = 3.0
CONNECTIONS_PER_APP = 32
BODY_SAMPLE_BYTES = 200
# Shorter than common servers keep an idle connection: a push must not die on one that is just being closed.
_IDLE_SECONDS = 2.0


@dataclass(slots=True)
class _Lane:
    """What waits to be sent to one app, and by how many at once it is being sent."""

    waiting: deque[Delivery] = field(default_factory=deque)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)


class Courier:
    """The one sender of pushes of an environment."""

    def __init__(self, world: World, timers: Timers, retry_seconds: tuple[float, ...]) -> None:
        """Prepare; `retry_seconds` are the waits, in simulated seconds, after each failed attempt."""
        self._world = world
        self._timers = timers
        self._retry_seconds = retry_seconds
        self.dice = Dice(world.seed, world.environment, "courier")
        self._lanes: dict[int, _Lane] = {}
        self._session: aiohttp.ClientSession | None = None
        self.judged = 0

    def emit(self, app: App, shop_id: int | None, pushes: list[Push]) -> None:
        """Record and send what an event caused, if the app wants it; the switches may repeat or reorder it."""
        switches = self._world.switches
        if not switches.event_pushes:
            return
        made = [self._spoiled(app, shop_id, push) for push in pushes if app.push.wants(push.code, shop_id)]
        made += [self._repeat(original) for original in made if self._is_repeated(app, original)]
        if switches.shuffle_pushes:
            self.dice.shuffle(made)
        for delivery in made:
            self._post(delivery)

    def _spoiled(self, app: App, shop_id: int | None, push: Push) -> Delivery:
        """Return the delivery of a push, wrong in the way the rules want it."""
        rules = self._world.switches.fail
        target = Target(f"push:{push.code}", app.partner_id, shop_id)
        key = digest("wrong push key", app.partner_id) if take(rules, ("wrong_push_key",), target) else None
        delivery = self._make(app, shop_id, push, key=key)
        late = take(rules, ("late_push",), target)
        if late is not None and delivery.state == "pending":
            delivery.state = "waiting_retry"
            delivery.next_attempt_at = round(self._world.clock.time() + late.seconds, 3)
        elif take(rules, ("lost_push",), target):
            delivery.state = "failed"
            self._lose(delivery)
        return delivery

    def _is_repeated(self, app: App, delivery: Delivery) -> bool:
        switches = self._world.switches
        target = Target(f"push:{delivery.code}", app.partner_id, delivery.shop_id)
        by_rule = take(switches.fail, ("duplicate_push",), target) is not None
        return self.dice.chance(switches.duplicate_pushes) or by_rule

    def send(self, app: App, shop_id: int | None, push: Push, *, body: bytes | None, key: str | None) -> Delivery:
        """Send one push as given, whatever the switches say: the console's "Push Test Data"."""
        delivery = self._make(app, shop_id, push, body=body, key=key)
        self._post(delivery)
        return delivery

    async def try_url(self, app: App, url: str) -> Attempt:
        """Send one signed test push to a callback URL that is not the app's yet, and return how it was answered."""
        push = Push(TEST_PUSH, {"verify_info": digest(app.partner_id, url)[:32]})
        body = json.dumps({"code": push.code, "data": push.data}).encode()
        delivery = self._make(app, None, push, body=body, url=url)
        self._world.deliveries.add(delivery)
        attempt = await self._attempt(delivery)
        delivery.attempts.append(attempt)
        delivery.state = "delivered" if attempt.is_accepted else "failed"
        return attempt

    async def close(self) -> None:
        """Drop what is under way and the connections."""
        tasks = [task for lane in self._lanes.values() for task in lane.tasks]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    def _make(
        self,
        app: App,
        shop_id: int | None,
        push: Push,
        *,
        body: bytes | None = None,
        key: str | None = None,
        url: str | None = None,
    ) -> Delivery:
        if body is None:
            now = self._world.clock.now()
            body = write_body(push, shop_id=shop_id, partner_id=app.partner_id, timestamp=now)
        url = url or app.callback_url
        return Delivery(
            delivery_id=self._world.deliveries.next_id(),
            partner_id=app.partner_id,
            code=push.code,
            shop_id=shop_id,
            order_sn=push.order_sn,
            url=url,
            body=body,
            authorization=sign_push(key or app.push_partner_key, url, body) if url else "",
            created_at=round(self._world.clock.time(), 3),
            state="pending" if url else "not_sent",
        )

    def _repeat(self, original: Delivery) -> Delivery:
        return Delivery(
            delivery_id=self._world.deliveries.next_id(),
            partner_id=original.partner_id,
            code=original.code,
            shop_id=original.shop_id,
            order_sn=original.order_sn,
            url=original.url,
            body=original.body,
            authorization=original.authorization,
            created_at=original.created_at,
            state=original.state,
            duplicate_of=original.delivery_id,
        )

    def _post(self, delivery: Delivery) -> None:
        self._world.deliveries.add(delivery)
        if delivery.state in ("pending", "waiting_retry"):
            self._retake(delivery)

    def resume(self) -> None:
        """Take up again what was under way or waiting when the state was kept; what waited here before is dropped."""
        for lane in self._lanes.values():
            lane.waiting.clear()
        for delivery in self._world.deliveries.all():
            if delivery.state in ("pending", "waiting_retry"):
                self._retake(delivery)

    def _retake(self, delivery: Delivery) -> None:
        if delivery.next_attempt_at is None:
            self._queue(delivery)
        else:
            self._timers.at(delivery.next_attempt_at, lambda: self._queue(delivery))

    def _lose(self, delivery: Delivery) -> None:
        lost = self._world.apps[delivery.partner_id].lost
        now = self._world.clock.now()
        lost.add(now=now, code=delivery.code, shop_id=delivery.shop_id, body=delivery.body)

    def _queue(self, delivery: Delivery) -> None:
        if delivery.state == "evicted":
            return
        delivery.next_attempt_at = None
        delivery.state = "pending"
        lane = self._lanes.setdefault(delivery.partner_id, _Lane())
        lane.waiting.append(delivery)
        if len(lane.tasks) < CONNECTIONS_PER_APP:
            task = asyncio.get_running_loop().create_task(self._work(lane))
            lane.tasks.add(task)
            task.add_done_callback(lane.tasks.discard)

    async def _work(self, lane: _Lane) -> None:
        while lane.waiting:
            delivery = lane.waiting.popleft()
            if delivery.state == "pending":
                self._judge(delivery, self._heard(delivery, await self._attempt(delivery)))

    def _heard(self, delivery: Delivery, attempt: Attempt) -> Attempt:
        """Return what we heard of an attempt: nothing where a rule says that the receiver's answer was lost."""
        target = Target(f"push:{delivery.code}", delivery.partner_id, delivery.shop_id)
        if attempt.error or take(self._world.switches.fail, ("lost_answer",), target) is None:
            return attempt
        return Attempt(attempt.at, attempt.seconds, None, "the answer was lost", "")

    async def _attempt(self, delivery: Delivery) -> Attempt:
        at = round(self._world.clock.time(), 3)
        started = time.perf_counter()
        status, error, sample = None, None, b""
        headers = {"Authorization": delivery.authorization, "Content-Type": "application/json"}
        try:
            async with self._open().post(
                str(delivery.url), data=delivery.body, headers=headers, allow_redirects=False
            ) as answer:
                status = answer.status
                sample = await answer.content.read(BODY_SAMPLE_BYTES)
        except TimeoutError:
            error = f"no complete answer within {ANSWER_SECONDS:g} s"
        except (aiohttp.ClientError, OSError, ValueError) as problem:
            error = f"{type(problem).__name__}: {problem}"[:BODY_SAMPLE_BYTES]
        seconds = round(time.perf_counter() - started, 4)
        return Attempt(at, seconds, status, error, sample.decode(errors="replace"))

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_IDLE_SECONDS),
                timeout=aiohttp.ClientTimeout(total=ANSWER_SECONDS),
                cookie_jar=aiohttp.DummyCookieJar(),
                headers={"User-Agent": "kedai-simulator"},
                skip_auto_headers=("Accept-Encoding",),
            )
        return self._session

    def _judge(self, delivery: Delivery, attempt: Attempt) -> None:
        self.judged += 1
        delivery.attempts.append(attempt)
        self._world.apps[delivery.partner_id].push.note(attempt.at, accepted=attempt.is_accepted)
        if delivery.state == "evicted":
            return
        failures = len(delivery.attempts)
        if attempt.is_accepted:
            delivery.state = "delivered"
        elif failures > len(self._retry_seconds):
            delivery.state = "failed"
            self._lose(delivery)
        else:
            delivery.state = "waiting_retry"
            delivery.next_attempt_at = round(self._world.clock.time() + self._retry_seconds[failures - 1], 3)
            self._timers.at(delivery.next_attempt_at, lambda: self._queue(delivery))
