"""Renewed token pairs that were saved on this host's disk before the database had them, and how they get there.

A refresh token can be used once: between the marketplace's answer and our commit the new pair exists nowhere else.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import msgspec
import structlog

from kedai.errors import Conflict, SecretUnreadable
from kedai.kit import spool
from kedai.kit.crypto import SecretPlace
from kedai.sync.parts import Parts
from kedai.values.credentials import TokenSet
from kedai.values.environment import Environment
from kedai.values.secret import Secret
from kedai.vault.accounts import find_kind, id_of, kind_of, scope_of
from kedai.vault.refresh import Generation, swap_tokens
from kedai.vault.ring import KeyRing

_ROOM_KEPT = timedelta(hours=1)

log = structlog.get_logger("tokens")


class _File(msgspec.Struct, forbid_unknown_fields=True):
    """What lies open in a file; ``sealed`` opens only with exactly the rest of it."""

    connector: str
    environment: str
    kind: str
    id: str
    pair: str
    generation: int
    sealed: str


class _Pair(msgspec.Struct):
    """What is sealed; the instants are Unix microseconds."""

    access_token: str
    refresh_token: str
    access_expires_at: int
    refresh_expires_at: int


@dataclass(frozen=True, slots=True)
class _Answer:
    """A pair that was saved, and the generation that it was given for."""

    asked: Generation
    tokens: TokenSet


class _DamagedError(Exception):
    """The file is none of ours, or not as we wrote it; the text holds nothing of it."""


def seal_answer(ring: KeyRing, kid: str, asked: Generation, tokens: TokenSet) -> bytes:
    """What to save of a renewed pair that was ``asked`` for with this generation; a write of ``kid`` was reserved.

    Raises:
        SecretUnreadable: that key is not at hand any more.
    """
    scope = asked.scope
    pair = _Pair(
        tokens.access_token.reveal(),
        tokens.refresh_token.reveal(),
        _to_number(tokens.access_expires_at),
        _to_number(tokens.refresh_expires_at),
    )
    shown = _File(
        connector=scope.connector,
        environment=scope.environment.value,
        kind=kind_of(scope).name,
        id=id_of(scope),
        pair=asked.pair_id.hex,
        generation=asked.number,
        sealed="",
    )
    sealed = ring.seal_reserved(kid, _place(shown), msgspec.json.encode(pair).decode())
    return msgspec.json.encode(msgspec.structs.replace(shown, sealed=sealed))


def recover(parts: Parts) -> int:
    """Store what was saved on this host and never stored; returns how many pairs. Blocks: run it in a thread.

    A pair wins only if its generation is the stored one + 1. What is out of date is removed, what is damaged is set
    aside, and nothing is touched while a key is missing or the environment is sealed. No file makes it fail.

    Raises:
        StorageUnavailable: the database cannot be reached; the files stay.
    """
    directory = parts.settings.token_spool_dir
    if parts.ring.trouble is not None:
        return 0
    try:
        paths = spool.list_saved(directory)
        spool.sweep(directory, before=(parts.clock.now() - _ROOM_KEPT).timestamp())
    except OSError as error:
        log.warning("saved token pairs cannot be looked for", directory=str(directory), detail=error.strerror)
        return 0
    return sum(_recover_one(parts, path) for path in paths)


def _recover_one(parts: Parts, path: Path) -> bool:
    try:
        answer = _open(parts.ring, spool.read_saved(path))
        with parts.database.read() as db:
            sealed = parts.quarantine.sealed(db)
        if answer.asked.scope.environment in sealed:
            return False
        now, asked, tokens = parts.clock.now(), answer.asked, answer.tokens
        stored = parts.database.transact(lambda db: swap_tokens(db, parts.ring, asked, tokens, now=now))
    except FileNotFoundError:  # another process of this host was faster
        return False
    except (_DamagedError, ValueError) as error:
        log.warning("a saved token pair is damaged or not ours, and was set aside", file=path.name, detail=str(error))
        spool.set_aside(path)
        return False
    except OSError as error:
        log.warning("a saved token pair cannot be read", file=path.name, detail=error.strerror)
        if error.errno == errno.ELOOP:
            spool.set_aside(path)
        return False
    except Conflict as error:
        log.warning("a saved token pair cannot be stored yet", file=path.name, detail=error.message)
        return False
    _say(answer, stored=stored)
    spool.remove(path)
    return stored


def _say(answer: _Answer, *, stored: bool) -> None:
    told = {"account": str(answer.asked.scope), "generation": answer.asked.number + 1}
    if stored:
        log.warning("a renewed token pair that was saved before a stop is stored now", **told)
    else:
        log.info("a saved token pair is stored already or out of date, and was removed", **told)


def _open(ring: KeyRing, data: bytes) -> _Answer:
    """Read a file.

    Raises:
        _DamagedError: it is not as we wrote it.
    """
    try:
        shown = msgspec.json.decode(data, type=_File)
        if not shown.sealed.startswith("v2:"):  # the older format is bound to no place
            raise _DamagedError("it is not sealed as it must be")
        pair = msgspec.json.decode(ring.open(_place(shown), shown.sealed), type=_Pair)
        kind, environment = find_kind(shown.kind), Environment(shown.environment)
        pair_id = UUID(hex=shown.pair)
    except SecretUnreadable:  # all keys that this database needs are at hand
        raise _DamagedError("it does not open with the keys of this installation") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
        raise _DamagedError("it cannot be understood") from None
    if kind is None:
        raise _DamagedError("this version knows no account of its kind")
    tokens = TokenSet(
        Secret(pair.access_token),
        Secret(pair.refresh_token),
        _to_instant(pair.access_expires_at),
        _to_instant(pair.refresh_expires_at),
    )
    scope = scope_of(kind, shown.connector, environment, shown.id)
    return _Answer(Generation(scope, pair_id, shown.generation), tokens)


def _place(shown: _File) -> SecretPlace:
    """What a saved pair is sealed to: everything else in its file. Neither a kind nor a row's id holds a slash."""
    column = f"{shown.kind}/{shown.pair}/{shown.generation}"
    return SecretPlace(shown.connector, "token_spool", column, shown.environment, shown.id)


def _to_number(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)


def _to_instant(number: int) -> datetime:
    return _EPOCH + timedelta(microseconds=number)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
