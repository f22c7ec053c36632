"""Short words for what a check found; every sentence is for an operator who is no programmer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from kedai.errors import (
    AuthExpired,
    KedaiError,
    NeedsReconnect,
    QuotaExhausted,
    RateLimited,
    RemoteMisconfigured,
    SecretUnreadable,
)
from kedai.values.check import Check, CheckState
from kedai.values.wording import N_

TITLES: Final[Mapping[str, str]] = {
    "configuration": N_("Everything is filled in"),
    "host": N_("The host is right and answers"),
    "clock": N_("This server's clock is right"),
    "signature": N_("The marketplace accepts our signature"),
    "token": N_("The shop lets us in"),
    "authorization": N_("The shop's authorisation lasts"),
    "push_config": N_("Pushes are registered for our address"),
    "push_status": N_("Pushes are not held back"),
    "loopback": N_("A push reaches us through our public address"),
    "queue": N_("Nothing waits in the queue"),
}
"""Every check by its name, in the order in which they are shown."""

_LONGEST: Final = 400


def passed(name: str, found: str, *, subject: str = "") -> Check:
    """It is as it should be."""
    return Check(name, TITLES[name], CheckState.PASSED, _short(found), subject=subject)


def warning(name: str, found: str, fix: str, *, subject: str = "") -> Check:
    """It works now, but somebody should look at it."""
    return Check(name, TITLES[name], CheckState.WARNING, _short(found), fix, subject)


def failed(name: str, found: str, fix: str, *, subject: str = "") -> Check:
    """It does not work: what to do."""
    return Check(name, TITLES[name], CheckState.FAILED, _short(found), fix, subject)


def not_applicable(name: str, found: str, *, subject: str = "") -> Check:
    """It could not be asked, for a reason that is no failure of its own."""
    return Check(name, TITLES[name], CheckState.NOT_APPLICABLE, _short(found), subject=subject)


def not_tried(name: str, why: str) -> Check:
    """Another check failed, without which this question cannot be asked."""
    return not_applicable(name, N_("Not tried: %(why)s", why=why))


def refused(name: str, error: KedaiError, *, subject: str = "") -> Check:
    """A call that failed, with the fix of its family."""
    fix = error.facts.get("fix") or next(
        (text for family, text in _FIXES.items() if isinstance(error, family)), _TRY_AGAIN
    )
    return failed(name, error.message, fix, subject=subject)


_TRY_AGAIN: Final = N_("Wait a minute, then run the checks again. If it stays, look whether the marketplace is down.")
_FIXES: Final[Mapping[type[KedaiError], str]] = {
    RemoteMisconfigured: N_(
        "Copy partner ID and partner key once more from the console's page of this environment's app, and save them. "
        "Look there too whether the app is switched on and whether this server's IP address is allowed."
    ),
    NeedsReconnect: N_("Connect the shop again on this environment's tab."),
    AuthExpired: N_("Connect the shop again on this environment's tab."),
    QuotaExhausted: N_("Wait until the marketplace's next day, 00:00 UTC+8. Then run the checks again."),
    RateLimited: N_("Wait some minutes: too many calls were made. Then run the checks again."),
    SecretUnreadable: N_("Give this server the master key that is named, or enter the secret again."),
}


def _short(text: str) -> str:
    """One line of bounded length: some of it may be a marketplace's own words."""
    line = " ".join("".join(one if one.isprintable() else " " for one in text).split())
    if line == text and len(line) <= _LONGEST:
        return text  # as it is: it may be a wording
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…"
