"""WebAuthn: what a browser is asked to sign, and whether its answer is right; pure, knows no row.

Bound to the public URL alone. A person must be verified by their device (a fingerprint, a face, a PIN): what they hold
and what they are or know, so that a passkey stands for both factors.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers import base64url_to_bytes, options_to_json_dict
from webauthn.helpers.cose import COSEAlgorithmIdentifier
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from kedai.errors import Invalid
from kedai.values.wording import N_

OTHER_ORIGIN = N_("This passkey answered for another address than this installation's: nothing was accepted.")
UNREADABLE = N_("The browser's answer could not be read. Try again.")
NOT_RIGHT = N_("The passkey's answer is not right. Try again.")

_MAX_TEXT = 32 * 1024
_MAX_CREDENTIAL_ID = 1023  # bytes (WebAuthn, 4: credential ID)
_MILLISECONDS = 5 * 60 * 1000
_ALGORITHMS = [
    COSEAlgorithmIdentifier.EDDSA,
    COSEAlgorithmIdentifier.ECDSA_SHA_256,
    COSEAlgorithmIdentifier.RSASSA_PKCS1_v1_5_SHA_256,
]


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """Whom passkeys are made for: the host of the public URL, and its origin as browsers write it."""

    host: str
    origin: str


@dataclass(frozen=True, slots=True)
class Known:
    """A passkey that exists: its id, and the ways in which it was once reached."""

    credential_id: bytes
    transports: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What a browser sent: nothing in it is proven yet. ``user_handle`` is whom the device takes the owner to be."""

    credential_id: bytes
    user_handle: bytes | None
    raw: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NewKey:
    """The public half of a passkey that a device has made."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: str


def creation_options(
    party: RelyingParty, *, challenge: bytes, user_id: bytes, email: str, known: Sequence[Known]
) -> dict[str, Any]:
    """What a browser needs to make a passkey; one of those that exist is not made again on the same device."""
    options = generate_registration_options(
        rp_id=party.host,
        rp_name="Kedai",
        user_id=user_id,
        user_name=email,
        user_display_name=email,
        challenge=challenge,
        timeout=_MILLISECONDS,
        attestation=AttestationConveyancePreference.NONE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=[_descriptor(one) for one in known],
        supported_pub_key_algs=_ALGORITHMS,
    )
    return options_to_json_dict(options)


def request_options(party: RelyingParty, *, challenge: bytes, known: Sequence[Known]) -> dict[str, Any]:
    """What a browser needs to use a passkey; without ``known`` the person chooses among those on the device."""
    options = generate_authentication_options(
        rp_id=party.host,
        challenge=challenge,
        timeout=_MILLISECONDS,
        allow_credentials=[_descriptor(one) for one in known],
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json_dict(options)


def parse_answer(text: str) -> Answer:
    """The JSON of a `PublicKeyCredential`.

    Raises:
        Invalid: it is none, or is longer than any could be.
    """
    if not text or len(text) > _MAX_TEXT:
        raise Invalid(UNREADABLE, field="credential")
    try:
        raw = json.loads(text)
        credential_id = base64url_to_bytes(raw["rawId"])
        handle = raw["response"].get("userHandle")
        user_handle = base64url_to_bytes(handle) if handle else None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Invalid(UNREADABLE, field="credential") from None
    if not 0 < len(credential_id) <= _MAX_CREDENTIAL_ID:
        raise Invalid(UNREADABLE, field="credential")
    return Answer(credential_id, user_handle, raw)


def verify_creation(party: RelyingParty, answer: Answer, *, challenge: bytes) -> NewKey:
    """The key of a passkey made for this installation, to sign this challenge.

    Raises:
        Invalid: for another origin, another challenge, without a verified person, or not readable.
    """
    _refuse_other_origin(party, answer)
    try:
        found = verify_registration_response(
            credential=answer.raw,
            expected_challenge=challenge,
            expected_rp_id=party.host,
            expected_origin=party.origin,
            require_user_verification=True,
            supported_pub_key_algs=_ALGORITHMS,
        )
    except Exception:  # noqa: BLE001  a stranger's bytes can bring the parsers below to raise nearly anything
        raise Invalid(NOT_RIGHT, field="credential") from None
    return NewKey(found.credential_id, found.credential_public_key, found.sign_count, _transports(answer))


def verify_request(party: RelyingParty, answer: Answer, *, challenge: bytes, public_key: bytes) -> int:
    """The device's count of signatures, once the answer has proven to be by this key; whoever asked compares it.

    Raises:
        Invalid: for another origin, another challenge, by another key, or without a verified person.
    """
    _refuse_other_origin(party, answer)
    try:
        found = verify_authentication_response(
            credential=answer.raw,
            expected_challenge=challenge,
            expected_rp_id=party.host,
            expected_origin=party.origin,
            credential_public_key=public_key,
            credential_current_sign_count=0,  # compared where the stored one is, so that going back can be told
            require_user_verification=True,
        )
    except Exception:  # noqa: BLE001  as above
        raise Invalid(NOT_RIGHT, field="credential") from None
    return found.new_sign_count


def _refuse_other_origin(party: RelyingParty, answer: Answer) -> None:
    """Said in words of its own: it means that a page elsewhere, or an old address of this one, asked for it."""
    try:
        told = json.loads(base64url_to_bytes(answer.raw["response"]["clientDataJSON"]))
        origin, inside_another = told["origin"], told.get("crossOrigin", False)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise Invalid(UNREADABLE, field="credential") from None
    if origin != party.origin or inside_another is not False:
        raise Invalid(OTHER_ORIGIN, field="credential")


def _descriptor(known: Known) -> PublicKeyCredentialDescriptor:
    transports = [AuthenticatorTransport(one) for one in known.transports.split(",") if one]
    return PublicKeyCredentialDescriptor(id=known.credential_id, transports=transports or None)


def _transports(answer: Answer) -> str:
    """Those that we know, as text; a browser may say nothing, or a word of the future."""
    told = answer.raw["response"].get("transports")
    known = {one.value for one in AuthenticatorTransport}
    return (
        ",".join(sorted(known.intersection(one for one in told if isinstance(one, str))))
        if isinstance(told, list)
        else ""
    )
