"""Why a rejected delivery does not verify: try what usually goes wrong, and say it in words with the way to mend it.

Only people who are signed in hear of it; whoever delivers learns nothing but 401. No key and no signature that we
computed leaves this file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final, Protocol

from sqlalchemy.orm import Session

from kedai.connectors.base import Connector, KeepsSignatures
from kedai.errors import BadSignature, SecretUnreadable
from kedai.sync.parts import Parts
from kedai.sync.pushkeys import load_push_keys
from kedai.sync.urls import candidate_urls
from kedai.values.cause import Cause
from kedai.values.credentials import PushKeys
from kedai.values.environment import ConnectorName, Environment
from kedai.values.event import PushMatch
from kedai.values.wording import N_
from kedai.vault.queries import get_credentials, open_push_keys

_ALWAYS = datetime.min.replace(tzinfo=UTC)


class Diagnosis(StrEnum):
    """What is wrong with a rejected delivery, the surest first."""

    VERIFIES = "verifies"
    URL_SLASH = "url_slash"
    URL_SCHEME = "url_scheme"
    URL_PORT = "url_port"
    WRONG_ADDRESS = "wrong_address"
    OTHER_ENVIRONMENT = "other_environment"
    PREVIOUS_KEY = "previous_key"
    BODY_CHANGED = "body_changed"
    NOT_SIGNED = "not_signed"
    BODY_CUT = "body_cut"
    NO_KEY = "no_key"
    KEY_UNREADABLE = "key_unreadable"
    PROBE = "probe"
    UNKNOWN_KEY = "unknown_key"


ADMITTABLE: Final = (Diagnosis.VERIFIES, Diagnosis.URL_SLASH, Diagnosis.URL_SCHEME, Diagnosis.URL_PORT)
"""Signed with this environment's own push key, over its own address or another spelling of it."""

_RECOVERED = N_("What it announced is not lost: orders are compared with the marketplace, and lost pushes are fetched.")

EXPLAINED: Final[Mapping[Diagnosis, Cause]] = {
    Diagnosis.VERIFIES: Cause(
        N_("It verifies now"),
        N_("When it came, the push key or the address was another one. With today's settings its signature is right."),
        N_("Admit it: it is verified once more and then worked on like any other push."),
    ),
    Diagnosis.URL_SLASH: Cause(
        N_("The registered URL ends differently"),
        N_("It was signed with your push key, but for the address with a slash at its end (or without it)."),
        N_("Correct the push URL in the marketplace's console: copy it from the connector page. Then admit this one."),
    ),
    Diagnosis.URL_SCHEME: Cause(
        N_("The registered URL begins differently"),
        N_("It was signed with your push key, but for http where Kedai knows https, or the other way round."),
        N_(
            "Correct the push URL in the marketplace's console, or KEDAI_PUBLIC_URL if that one is wrong. Then "
            "admit this."
        ),
    ),
    Diagnosis.URL_PORT: Cause(
        N_("The registered URL names a port"),
        N_("It was signed with your push key, but for the address with its port written out."),
        N_("Correct the push URL in the marketplace's console: copy it from the connector page. Then admit this one."),
    ),
    Diagnosis.WRONG_ADDRESS: Cause(
        N_("The other environment's app pushes here"),
        N_(
            "It was signed with the other environment's push key for this environment's address: in the marketplace's"
            " console this address is registered with the other app. It is never admitted here."
        ),
        N_("Open the other app's push settings in the console and enter the address of its own environment. ")
        + _RECOVERED,
    ),
    Diagnosis.OTHER_ENVIRONMENT: Cause(
        N_("It was meant for the other environment"),
        N_(
            "It was signed for the other environment's address with its key, but came to this one's: something "
            "between the"
            " marketplace and Kedai (a proxy, a redirect) changes the path. It is never admitted here."
        ),
        N_("Mend the rule of the proxy, so that each address leads to its own environment. ") + _RECOVERED,
    ),
    Diagnosis.PREVIOUS_KEY: Cause(
        N_("It was signed with the previous push key"),
        N_("The push key was replaced, and the time in which the old one still counted is over."),
        N_(
            "See whether the marketplace's console shows the key that is entered here. If it still shows the old "
            "one, enter"
            " that as the push key; then this delivery can be admitted."
        ),
    ),
    Diagnosis.BODY_CHANGED: Cause(
        N_("Its content was changed on the way"),
        N_(
            "The signature fits the same content written differently (spaces, line ends, escapes): a proxy or firewall"
            " reads and rewrites it. Such a delivery cannot be admitted."
        ),
        N_("Let the proxy pass the body on unchanged for this path (switch off body inspection or JSON rewriting). ")
        + _RECOVERED,
    ),
    Diagnosis.NOT_SIGNED: Cause(
        N_("It carries no usable signature"),
        N_(
            "The Authorization header is missing or is no signature of the marketplace. Often this is not the "
            "marketplace"
            " at all: scanners try every address. A proxy that removes or replaces the header does the same."
        ),
        N_(
            "If the marketplace's pushes arrive otherwise, there is nothing to do. If none arrives, let the "
            "proxy pass the"
            " Authorization header on unchanged."
        ),
    ),
    Diagnosis.BODY_CUT: Cause(
        N_("It is too long to be tried again"),
        N_("Only its first 64 KiB were kept, and a signature covers the whole."),
        N_("There is nothing to admit. ") + _RECOVERED,
    ),
    Diagnosis.NO_KEY: Cause(
        N_("This environment has no push key"),
        N_("Without a push key no delivery can be trusted, so all are refused."),
        N_("Enter the push partner key on the connector page; what waits here and verifies then can be admitted."),
    ),
    Diagnosis.KEY_UNREADABLE: Cause(
        N_("The stored push key cannot be read"),
        N_("Kedai lacks the master key with which the push key was stored."),
        N_("Give Kedai the master key that the Keys page names, or enter the push key again."),
    ),
    Diagnosis.PROBE: Cause(
        N_("It is the marketplace's test of the address"),
        N_("The console sends such a test when a push URL is saved. It was signed with another key than the one here."),
        N_(
            "Copy the push partner key from the app's push settings to the connector page, then save the URL in "
            "the console"
            " again."
        ),
    ),
    Diagnosis.UNKNOWN_KEY: Cause(
        N_("It was signed with an unknown key"),
        N_(
            "It fits no key and no address that Kedai knows. The push key here may be another one than the "
            "console's, the"
            " address registered there may be another one, or the delivery is not from the marketplace."
        ),
        N_(
            "Compare the push partner key and the push URL with the marketplace's console. After a change this "
            "page says"
            " which deliveries verify."
        ),
    ),
}


class Delivery(Protocol):
    """What is looked at; ``size`` is the whole body's, of which ``body`` may be only the beginning."""

    @property
    def body(self) -> bytes: ...
    @property
    def size(self) -> int: ...
    @property
    def signature(self) -> bytes | None: ...


@dataclass(frozen=True, slots=True)
class Keyring:
    """All that a delivery of one environment is tried with; ``keys`` is None where the push key cannot be opened."""

    connector: Connector
    keys: PushKeys | None
    expired: PushKeys | None
    others: PushKeys | None
    others_urls: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """Names these keys and URLs by versions and a digest; nothing of a key is in it."""
        versions = [str(one.version) if one else "-" for one in (self.keys, self.others)]
        valid = ",".join(one.name for one in self.keys.keys) if self.keys else ""
        urls = "\n".join((*(self.keys.urls if self.keys else ()), *self.others_urls))
        return f"{'/'.join(versions)}/{valid}/{hashlib.sha256(urls.encode()).hexdigest()[:16]}"


def open_keyring(parts: Parts, db: Session, name: ConnectorName, environment: Environment, *, now: datetime) -> Keyring:
    """Read the keys of both environments now."""
    other = next(one for one in Environment if one is not environment)
    keys = _load(parts, db, name, environment)
    return Keyring(
        connector=parts.connector(name),
        keys=None if keys is None else keys.at(now),
        expired=_load_expired(parts, db, name, environment, now),
        others=_load(parts, db, name, other),
        others_urls=candidate_urls(parts.settings, name, other),
    )


def diagnose(ring: Keyring, delivery: Delivery) -> Diagnosis:
    """The surest explanation. Costs at most some dozens of HMACs over the body."""
    if delivery.signature is None:
        return Diagnosis.NOT_SIGNED
    if delivery.size > len(delivery.body):
        return Diagnosis.BODY_CUT
    if ring.keys is None:
        return Diagnosis.KEY_UNREADABLE
    found = find_match(ring, delivery)
    if found is not None:
        return found[1]
    others = ring.others
    if others is not None:
        if _fits(ring, replace(others, urls=ring.keys.urls), delivery.body, delivery):
            return Diagnosis.WRONG_ADDRESS
        if _fits(ring, replace(others, urls=ring.others_urls), delivery.body, delivery):
            return Diagnosis.OTHER_ENVIRONMENT
    if ring.expired is not None and _fits(ring, ring.expired, delivery.body, delivery):
        return Diagnosis.PREVIOUS_KEY
    if any(_fits(ring, ring.keys, body, delivery) for body in _other_spellings(delivery.body)):
        return Diagnosis.BODY_CHANGED
    if not ring.keys.keys:
        return Diagnosis.NO_KEY
    is_probe = isinstance(ring.connector, KeepsSignatures) and ring.connector.is_probe(delivery.body)
    return Diagnosis.PROBE if is_probe else Diagnosis.UNKNOWN_KEY


def find_match(ring: Keyring, delivery: Delivery) -> tuple[PushMatch, Diagnosis] | None:
    """Which of this environment's own keys signed the exact bytes, over which spelling of its own address."""
    if ring.keys is None or delivery.signature is None or delivery.size > len(delivery.body):
        return None
    for diagnosis, urls in _spellings(ring.keys.urls):
        match = _fits(ring, replace(ring.keys, urls=urls), delivery.body, delivery)
        if match is not None:
            return match, diagnosis
    return None


def _load(parts: Parts, db: Session, name: ConnectorName, environment: Environment) -> PushKeys | None:
    try:
        return load_push_keys(parts, db, name, environment)
    except SecretUnreadable:
        return None


def _load_expired(
    parts: Parts, db: Session, name: ConnectorName, environment: Environment, now: datetime
) -> PushKeys | None:
    """The previous push key, where its time is over."""
    row = get_credentials(db, name, environment)
    try:
        keys = open_push_keys(parts.ring, row, now=_ALWAYS)
    except SecretUnreadable:
        return None
    over = tuple(one for one in keys if one.valid_until is not None and one.valid_until <= now)
    urls = candidate_urls(parts.settings, name, environment)
    return PushKeys(name, environment, row.version, over, urls) if over else None


def _fits(ring: Keyring, keys: PushKeys, body: bytes, delivery: Delivery) -> PushMatch | None:
    headers = {ring.connector.signature_header: delivery.signature or b""}
    try:
        return ring.connector.verify_push(keys, headers, "", body)
    except BadSignature:
        return None


def _spellings(urls: tuple[str, ...]) -> Iterator[tuple[Diagnosis, tuple[str, ...]]]:
    """The addresses themselves, then what they are mistaken for in a console."""
    slashed = tuple(f"{url}/" for url in urls)
    swapped = tuple(_with_other_scheme(url) for url in urls)
    yield Diagnosis.VERIFIES, urls
    yield Diagnosis.URL_SLASH, slashed
    yield Diagnosis.URL_SCHEME, (*swapped, *(f"{url}/" for url in swapped))
    yield Diagnosis.URL_PORT, tuple(_with_port(url) for url in (*urls, *slashed))


def _with_other_scheme(url: str) -> str:
    scheme, separator, rest = url.partition("://")
    return f"{'http' if scheme == 'https' else 'https'}{separator}{rest}"


def _with_port(url: str) -> str:
    """The default port written out; an address that names one is left as it is."""
    scheme, separator, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    if ":" in host.rpartition("]")[2]:
        return url
    return f"{scheme}{separator}{host}:{443 if scheme == 'https' else 80}{slash}{path}"


def _other_spellings(body: bytes) -> Iterator[bytes]:
    """What the same content may have looked like before something on the way rewrote it."""
    stripped = body.strip()
    seen = {body}
    candidates = [stripped, stripped + b"\n", stripped + b"\r\n", body.removeprefix(b"\xef\xbb\xbf")]
    candidates += [body.replace(b"\r\n", b"\n"), *_rewritten(stripped)]
    for one in candidates:
        if one not in seen:
            seen.add(one)
            yield one


def _rewritten(body: bytes) -> Iterator[bytes]:
    """The ways in which common programs write the same JSON."""
    try:
        value = json.loads(body)
        for separators in ((",", ":"), (", ", ": ")):
            for ascii_only in (True, False):
                text = json.dumps(value, separators=separators, ensure_ascii=ascii_only)
                yield text.encode()
                yield text.replace("/", "\\/").encode()
    except (ValueError, RecursionError):
        return
