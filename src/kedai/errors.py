"""Every error family: a stable dotted code, a default message, and what the caller should do.

The class docstring's first line is the default message; ``text`` is one with values in it. Each edge (web, command
line, worker) translates a family once, in one table; a test walks all subclasses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar


class KedaiError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "kedai.error"

    def __init__(self, message: str | None = None, **facts: Any) -> None:
        self.message = message or (type(self).__doc__ or "").strip().splitlines()[0]
        self.facts = facts
        super().__init__(self.message)


class NotFound(KedaiError):
    """There is nothing here by that name."""

    code = "not_found"


class Conflict(KedaiError):
    """The present state does not allow this."""

    code = "conflict"


class Forbidden(KedaiError):
    """You are signed in, but not allowed to do this."""

    code = "forbidden"


class StepUpRequired(Forbidden):
    """Confirm that it is you: enter your password again."""

    code = "step_up_required"


class PasswordChangeRequired(Forbidden):
    """Choose a password of your own first."""

    code = "password_change_required"


class Unauthenticated(KedaiError):
    """Sign in first."""

    code = "unauthenticated"


class Invalid(KedaiError):
    """Something in the request is not valid."""

    code = "invalid"

    def __init__(self, message: str | None = None, *, field: str | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.field = field


class Stale(KedaiError):
    """Somebody changed this in the meantime: load it again."""

    code = "stale"


class PreconditionRequired(KedaiError):
    """Say which version you change: send the ETag of the last answer as If-Match."""

    code = "precondition_required"


class TooLarge(KedaiError):
    """The body is larger than what is accepted here."""

    code = "too_large"


class NotConfigured(KedaiError):
    """This environment is not configured yet."""

    code = "not_configured"
    text: ClassVar = "The %(environment)s environment is not configured: missing %(missing)s."

    def __init__(self, environment: str, missing: Sequence[str]) -> None:
        self.environment = environment
        self.missing = list(missing)
        super().__init__(self.text % {"environment": environment, "missing": ", ".join(missing)})


class CertificateRequired(Conflict):
    """Going live needs checks that passed within the last hour, of the credentials as they are now."""

    code = "certificate_required"


class Sealed(KedaiError):
    """This environment is sealed: this seems to be a copy of another installation."""

    code = "sealed"
    text: ClassVar = (
        "%(name)s is sealed: this seems to be a copy of another installation. Nothing is asked of the marketplace "
        "until a person has confirmed that %(name)s belongs here (page /quarantine, or `kedai env unseal`)."
    )

    def __init__(self, environment: str) -> None:
        self.environment = environment
        super().__init__(self.text % {"name": environment.title()})


class BadSignature(KedaiError):
    """The signature does not match."""

    code = "bad_signature"


class StorageUnavailable(KedaiError):
    """The database cannot be reached right now."""

    code = "storage_unavailable"

    def __init__(self, message: str | None = None, *, retry_after: int = 5) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class RemoteUnavailable(KedaiError):
    """The marketplace cannot be reached right now: try again later."""

    code = "remote_unavailable"


class RateLimited(KedaiError):
    """Too many calls: wait and try again."""

    code = "rate_limited"

    def __init__(self, message: str | None = None, *, retry_after: float = 60.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class QuotaExhausted(RateLimited):
    """The marketplace's calls of the day are used up: everything goes on after its midnight."""

    code = "quota_exhausted"


class AuthExpired(KedaiError):
    """The access token is no longer accepted: refresh it once and try again."""

    code = "auth_expired"


class NeedsReconnect(KedaiError):
    """The shop must be connected again by a person."""

    code = "needs_reconnect"


class RemoteRejected(KedaiError):
    """The marketplace refused the call."""

    code = "remote_rejected"

    def __init__(self, message: str | None = None, *, remote_code: str, request_id: str = "", **facts: Any) -> None:
        super().__init__(message, **facts)
        self.remote_code = remote_code
        self.request_id = request_id


class RemoteMisconfigured(RemoteRejected):
    """The marketplace refuses our app's settings: a person must look at keys, host or permissions."""

    code = "remote_misconfigured"


class RemoteNotFound(RemoteRejected):
    """The marketplace does not know what was asked for."""

    code = "remote_not_found"


class RemoteUnreadable(KedaiError):
    """The marketplace's answer could not be read."""

    code = "remote_unreadable"


class OutcomeUnknown(KedaiError):
    """The call may or may not have taken effect: read the state before trying again."""

    code = "outcome_unknown"


class SecretUnreadable(KedaiError):
    """A stored secret cannot be decrypted with the keys at hand."""

    code = "secret_unreadable"
    text: ClassVar = "A stored secret needs key %(kid)s."

    def __init__(self, message: str | None = None, *, kid: str | None = None) -> None:
        super().__init__(message or (self.text % {"kid": kid} if kid else None))
        self.kid = kid


class SettingsInvalid(KedaiError):
    """A setting is not valid."""

    code = "settings_invalid"


class Unavailable(KedaiError):
    """This cannot run here right now."""

    code = "unavailable"
