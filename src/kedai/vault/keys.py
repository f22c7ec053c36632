"""Master key material: where it comes from, and what is refused."""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
from contextlib import suppress
from pathlib import Path

from kedai.errors import Invalid, SettingsInvalid
from kedai.kit.crypto import KEY_BYTES
from kedai.settings import Settings

EMBEDDED_KEY_FILE = "master.keys"
_KID = re.compile(r"[a-z0-9-]{1,16}")
_LEAST_DISTINCT_BYTES = 8
_WELL_KNOWN = (
    b"supersecret",
    b"change-me",
    b"changeme",
    b"password",
    b"0123456789abcdef0123456789abcdef",
    bytes(range(KEY_BYTES)),
)


def load_master_keys(settings: Settings) -> dict[str, bytes]:
    """The keys by id, in the order given; empty when there are none anywhere.

    Raises:
        SettingsInvalid: with a sentence that never holds key bytes.
    """
    if settings.master_keys is not None and settings.master_keys_file is not None:
        raise SettingsInvalid("Set KEDAI_MASTER_KEYS or KEDAI_MASTER_KEYS_FILE, not both.")
    forbidden = _other_secrets(settings)
    if settings.master_keys is not None:
        return parse_master_keys(settings.master_keys.get_secret_value(), forbidden)
    path = settings.master_keys_file or settings.data_dir / EMBEDDED_KEY_FILE
    if settings.master_keys_file is None and not path.exists():
        return {}
    try:
        return parse_master_keys(path.read_text("ascii"), forbidden)
    except (OSError, UnicodeDecodeError):
        raise SettingsInvalid(f"The master key file {path} cannot be read.") from None


def parse_master_keys(text: str, forbidden: frozenset[bytes] = frozenset()) -> dict[str, bytes]:
    """Parse ``kid:base64`` entries, separated by commas or lines; ``#`` begins a comment line.

    Raises:
        SettingsInvalid: malformed, short, low in variety, well known, doubled, or reused from another secret.
    """
    lines = (line for line in text.splitlines() if not line.lstrip().startswith("#"))
    entries = [entry.strip() for line in lines for entry in line.split(",") if entry.strip()]
    if not entries:
        raise SettingsInvalid("The master keys are empty: expected kid:base64.")
    keys: dict[str, bytes] = {}
    for number, entry in enumerate(entries, 1):
        kid, colon, encoded = entry.partition(":")
        if not colon or not _KID.fullmatch(kid):
            raise SettingsInvalid(f"Master key number {number} is malformed: expected kid:base64, kid of a-z 0-9 -.")
        if kid in keys or kid == "v1":
            raise SettingsInvalid(f"Master key id {kid} is used twice or reserved.")
        keys[kid] = _checked_key(kid, encoded, forbidden)
    return keys


def create_key_file(path: Path) -> dict[str, bytes]:
    """Make a key file (mode 0600) with one new key ``k1``; an existing file is never touched.

    Raises:
        SettingsInvalid: the file cannot be written.
    """
    key = secrets.token_bytes(KEY_BYTES)
    text = "# Kedai's master key. Without it the stored secrets cannot be read. Keep a copy apart from backups.\n"
    text += f"k1:{base64.b64encode(key).decode()}\n"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise SettingsInvalid(f"The master key file {path} cannot be written: {error.strerror}.") from None
    return {"k1": key}


def append_key(settings: Settings, kid: str) -> Path:
    """Add a new random key to the key file, in one step: a reader sees the old file or the new one. Its path.

    Raises:
        Invalid: that is no key id.
        SettingsInvalid: the keys do not come from a file, it holds that id, or it cannot be written.
    """
    path = settings.master_keys_file or settings.data_dir / EMBEDDED_KEY_FILE
    if settings.master_keys is not None or not path.exists():
        raise SettingsInvalid("There is no key file to add to: put the new key where the others come from.")
    if kid == "v1" or not _KID.fullmatch(kid):
        raise Invalid("A key id is 1 to 16 characters of a-z 0-9 -, and not v1.", field="kid")
    if kid in load_master_keys(settings):
        raise SettingsInvalid(f"Key {kid} is in the key file already: leave out --generate.")
    line = f"{kid}:{base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()}"
    replacement = path.with_name(f".{path.name}.new")
    try:
        text = path.read_text("ascii")
        replacement.unlink(missing_ok=True)
        descriptor = os.open(replacement, os.O_WRONLY | os.O_CREAT | os.O_EXCL, path.stat().st_mode & 0o777)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{text.rstrip()}\n{line}\n")
            file.flush()
            os.fsync(file.fileno())
        replacement.replace(path)
    except OSError as error:
        raise SettingsInvalid(f"The master key file {path} cannot be written: {error.strerror}.") from None
    return path


def _checked_key(kid: str, encoded: str, forbidden: frozenset[bytes]) -> bytes:
    try:
        key = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        raise SettingsInvalid(f"Master key {kid} is not valid base64.") from None
    if len(key) != KEY_BYTES:
        raise SettingsInvalid(f"Master key {kid} has {len(key)} bytes: exactly {KEY_BYTES} are needed.")
    if len(set(key)) < _LEAST_DISTINCT_BYTES:
        raise SettingsInvalid(f"Master key {kid} is not random (its bytes hardly differ).")
    if key in forbidden or any(_is_repeated(key, known) for known in _WELL_KNOWN):
        raise SettingsInvalid(f"Master key {kid} is a well-known or reused value.")
    return key


def _is_repeated(key: bytes, known: bytes) -> bool:
    return (known * KEY_BYTES)[:KEY_BYTES] == key or known.ljust(KEY_BYTES, b"\0") == key


def _other_secrets(settings: Settings) -> frozenset[bytes]:
    if settings.v1_secret is None:
        return frozenset()
    raw = settings.v1_secret.get_secret_value().encode()
    with suppress(binascii.Error, ValueError):
        return frozenset({raw, base64.b64decode(raw, validate=True)})
    return frozenset({raw})
