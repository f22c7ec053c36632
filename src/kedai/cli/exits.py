"""Exit codes: one table from error family to code, printed in `kedai --help`."""

from __future__ import annotations

from kedai import errors

EXIT_CODES: dict[type[errors.KedaiError], int] = {
    errors.NotFound: 3,
    errors.Conflict: 4,
    errors.Stale: 4,
    errors.PreconditionRequired: 4,
    errors.NotConfigured: 4,
    errors.CertificateRequired: 4,
    errors.Sealed: 4,
    errors.Invalid: 2,
    errors.TooLarge: 2,
    errors.Unauthenticated: 5,
    errors.Forbidden: 5,
    errors.StepUpRequired: 5,
    errors.PasswordChangeRequired: 5,
    errors.BadSignature: 5,
    errors.AuthExpired: 5,
    errors.NeedsReconnect: 5,
    errors.RemoteRejected: 6,
    errors.RemoteMisconfigured: 6,
    errors.RemoteNotFound: 6,
    errors.RemoteUnreadable: 6,
    errors.OutcomeUnknown: 6,
    errors.RemoteUnavailable: 6,
    errors.RateLimited: 75,
    errors.QuotaExhausted: 75,
    errors.StorageUnavailable: 75,
    errors.Unavailable: 69,
    errors.SecretUnreadable: 78,
    errors.SettingsInvalid: 78,
    errors.KedaiError: 1,
}
EXIT_CODES_HELP = (
    "Exit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 conflict, 5 not allowed, 6 marketplace error, 7 timeout, "
    "69 unavailable, 75 try again later, 78 configuration, 130 interrupted."
)


def exit_code_of(error: errors.KedaiError) -> int:
    """The code of an error's nearest family."""
    return next(EXIT_CODES[family] for family in type(error).__mro__ if family in EXIT_CODES)
