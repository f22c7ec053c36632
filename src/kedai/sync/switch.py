"""Signing in to the other environment: one act, effective on the next use in every process."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from kedai.errors import Invalid
from kedai.inbox.service import count_parked
from kedai.notifications.telling import tell
from kedai.runs.queries import find_open_runs
from kedai.sync.catch_up import KIND, schedule
from kedai.sync.connection import switch_fields
from kedai.sync.parts import Parts
from kedai.values.actor import Actor
from kedai.values.environment import ConnectorName, Environment
from kedai.values.notification import Change, Kind, News
from kedai.values.wording import N_, joined
from kedai.vault.queries import find_last_switch
from kedai.vault.switching import activate

_LONGEST_REASON = 500


@dataclass(frozen=True, slots=True)
class SwitchResult:
    """Whether anything changed, how many parked pushes wait there for a decision, and how many shops are caught up."""

    changed: bool
    parked: int
    catch_ups: int


def switch(
    parts: Parts,
    db: Session,
    name: ConnectorName,
    environment: Environment,
    *,
    override_reason: str | None,
    actor: Actor,
    now: datetime,
) -> SwitchResult:
    """Make ``environment`` the active one, and queue a catch-up of its shops' orders.

    ``override_reason`` stands in for a certificate: the edges let only those give one who may. It is kept in the
    audit trail.

    Raises:
        Sealed: this seems to be a copy, and nobody has confirmed that environment yet.
        NotConfigured: it lacks something; its names in ``missing``.
        CertificateRequired: it is live, and no certificate counts.
        Invalid: the reason is blank.
    """
    reason = None if override_reason is None else _checked_reason(override_reason)
    parts.quarantine.refuse(db, environment)
    required = switch_fields(parts.connector(name))
    # before anything is recorded: a step of a run also takes the run first, and the audit trail's lock later
    find_open_runs(db, (KIND,), name, environment=environment, lock=True)
    inactive_since = find_last_switch(db, name)
    changed = activate(db, name, environment, required=required, override_reason=reason, actor=actor, now=now)
    catch_ups = 0
    if changed:
        label = parts.connector(name).label
        tell(db, [_news_of(label, environment, reason, actor, now)], now=now)
        catch_ups = schedule(parts, db, name, environment, inactive_since=inactive_since, actor=actor, now=now)
    return SwitchResult(changed, count_parked(db, name, environment), catch_ups)


def _news_of(label: str, environment: Environment, reason: str | None, actor: Actor, now: datetime) -> News:
    """Told in the transaction of the switch itself: nobody goes live unseen."""
    is_live = environment is Environment.LIVE
    means = N_("Real orders are worked on from now on.") if is_live else N_("Live orders wait.")
    without = [N_("Without a certificate, because: %(reason)s", reason=reason)] if reason else []
    detail = joined(" ", [N_("%(who)s switched.", who=actor.name), means, *without])
    name = environment.value.title()
    title = N_("%(label)s: %(environment)s is the active environment now", label=label, environment=name)
    return News(Kind.SWITCH, environment, Change.HAPPENED, title, detail, f"/e/{environment}/home", now)


def _checked_reason(text: str) -> str:
    """One line that somebody can read later."""
    reason = " ".join(text.split())
    if not reason or not reason.isprintable() or len(reason) > _LONGEST_REASON:
        raise Invalid(N_("Say in one line why the checks need not have passed."), field="override_reason")
    return reason
