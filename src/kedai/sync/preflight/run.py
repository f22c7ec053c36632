"""Asks all the questions at once, within one deadline; a question that hangs or breaks is a failed check, no error."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

import structlog

from kedai.errors import KedaiError
from kedai.kit.clock import monotonic
from kedai.sync.parts import Parts
from kedai.sync.preflight.facts import Facts, read_facts
from kedai.sync.preflight.findings import TITLES, failed
from kedai.sync.preflight.place import check_configuration, check_place, check_signature
from kedai.sync.preflight.pushes import check_loopback, check_push_config, check_queue
from kedai.sync.preflight.shops import check_shops
from kedai.values.actor import Actor
from kedai.values.check import Check
from kedai.values.environment import ConnectorName, Environment
from kedai.values.wording import N_
from kedai.vault.certificates import keep_certificate

if TYPE_CHECKING:
    from kedai.vault.models import GoLiveCertificate

Question = Callable[[Parts, Facts], Awaitable[Sequence[Check]]]

DEADLINE_SECONDS: Final = 25.0
_AGAIN: Final = N_("Run the checks again. If it stays, look into Kedai's log.")
_QUESTIONS: Final[tuple[tuple[Question, tuple[str, ...]], ...]] = (
    (check_configuration, ("configuration",)),
    (check_place, ("host", "clock")),
    (check_signature, ("signature",)),
    (check_shops, ("token", "authorization")),
    (check_push_config, ("push_config", "push_status")),
    (check_loopback, ("loopback",)),
    (check_queue, ("queue",)),
)
_STORED: Final = frozenset({check_configuration, check_queue})
"""What is answered from our own database."""

log = structlog.get_logger("preflight")


@dataclass(frozen=True, slots=True)
class Report:
    """What was found of an environment, at one version of its credentials; ``checked_at`` is when it began."""

    version: int
    checked_at: datetime
    checks: tuple[Check, ...]


async def certify(parts: Parts, name: ConnectorName, environment: Environment, *, actor: Actor) -> GoLiveCertificate:
    """Run the checks and keep what they found.

    Raises:
        NotFound: no such connector. Sealed: nothing may be asked for this environment.
    """
    report = await run_checks(parts, name, environment)
    return await parts.write(
        lambda db: keep_certificate(
            db,
            name,
            environment,
            report.checks,
            credentials_version=report.version,
            checked_at=report.checked_at,
            actor=actor,
            now=parts.clock.now(),
        )
    )


async def run_checks(
    parts: Parts,
    name: ConnectorName,
    environment: Environment,
    *,
    deadline_seconds: float = DEADLINE_SECONDS,
    stored_only: bool = False,
) -> Report:
    """Ask everything at once, with no transaction open; in the order of `TITLES`, shop by shop.

    With ``stored_only`` nobody outside is asked.

    Raises:
        NotFound: no such connector. Sealed: nothing may be asked for this environment.
    """
    facts = await parts.read(lambda db: read_facts(parts, db, name, environment))
    began = monotonic()
    questions = [one for one in _QUESTIONS if not stored_only or one[0] in _STORED]
    tasks = {asyncio.create_task(_ask(parts, facts, question, names)): names for question, names in questions}
    done, late = await asyncio.wait(tasks, timeout=deadline_seconds)
    for task in late:  # not awaited: one that does not let itself be cancelled must not hold up the answer
        task.cancel()
    unanswered = N_("No answer within %(seconds)s seconds.", seconds=round(monotonic() - began))
    checks = [check for task in done for check in task.result()]
    checks += [failed(one, unanswered, _AGAIN) for task in late for one in tasks[task]]
    order = list(TITLES)
    return Report(
        facts.version, facts.read_at, tuple(sorted(checks, key=lambda one: (order.index(one.name), one.subject)))
    )


async def _ask(parts: Parts, facts: Facts, question: Question, names: Sequence[str]) -> Sequence[Check]:
    try:
        return await question(parts, facts)
    except KedaiError as error:
        return [failed(name, error.message, _AGAIN) for name in names]
    except Exception:
        log.exception("a check could not be completed", checks=names, environment=facts.environment.value)
        return [failed(name, N_("It could not be completed."), _AGAIN) for name in names]
