"""What lies in a saved file: a token pair that the marketplace gave, and what it was given for.

Sealed to everything else in its file, so that it opens nowhere else; nothing that is read here is trusted before that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import msgspec

from kedai.errors import SecretUnreadable
from kedai.kit.crypto import SecretPlace
from kedai.sync.grants import Facts
from kedai.values.actor import Actor, ActorKind
from kedai.values.credentials import Grant, TokenSet
from kedai.values.environment import Account, ConnectorName, Environment
from kedai.values.secret import Secret
from kedai.vault.accounts import find_kind, id_of, kind_of, scope_of
from kedai.vault.oauth_states import Purpose
from kedai.vault.refresh import Generation
from kedai.vault.ring import KeyRing


@dataclass(frozen=True, slots=True)
class SavedPair:
    """A renewed pair, and the generation that it was given for."""

    asked: Generation
    tokens: TokenSet

    @property
    def environment(self) -> Environment:
        return self.asked.scope.environment


@dataclass(frozen=True, slots=True)
class SavedGrant:
    """What an exchange gave; ``attempt`` is the hash that names the attempt to connect."""

    connector: ConnectorName
    environment: Environment
    attempt: bytes
    facts: Facts


class DamagedError(Exception):
    """The file is none of ours, or not as we wrote it; the text holds nothing of it."""


class _PairFile(msgspec.Struct, forbid_unknown_fields=True, tag_field="what", tag="pair"):
    """What lies open in the file of a renewed pair; ``sealed`` opens only with exactly the rest of it."""

    connector: str
    environment: str
    kind: str
    id: str
    pair: str
    generation: int
    sealed: str

    @property
    def place(self) -> SecretPlace:
        """Neither a kind nor a row's id holds a slash."""
        column = f"{self.kind}/{self.pair}/{self.generation}"
        return SecretPlace(self.connector, "token_spool", column, self.environment, self.id)


class _GrantFile(msgspec.Struct, forbid_unknown_fields=True, tag_field="what", tag="grant"):
    """What lies open in the file of a grant."""

    connector: str
    environment: str
    attempt: str
    sealed: str

    @property
    def place(self) -> SecretPlace:
        return SecretPlace(self.connector, "token_spool", f"grant/{self.attempt}", self.environment, "")


class _Pair(msgspec.Struct):
    """What is sealed of a pair; the instants are Unix microseconds."""

    access_token: str
    refresh_token: str
    access_expires_at: int
    refresh_expires_at: int


class _Grant(msgspec.Struct):
    """What is sealed of a grant."""

    partner_id: str
    main_account_id: str | None
    shop_ids: tuple[str, ...]
    merchant_ids: tuple[str, ...]
    tokens: _Pair
    purpose: tuple[str, str | None, str | None]
    actor: tuple[str, str, str]
    answered_at: int


def seal_pair_file(ring: KeyRing, kid: str, asked: Generation, tokens: TokenSet) -> bytes:
    """What to save of a renewed pair that was ``asked`` for with this generation; a write of ``kid`` was reserved.

    Raises:
        SecretUnreadable: that key is not at hand any more.
    """
    scope: Account = asked.scope
    shown = _PairFile(
        connector=scope.connector,
        environment=scope.environment.value,
        kind=kind_of(scope).name,
        id=id_of(scope),
        pair=asked.pair_id.hex,
        generation=asked.number,
        sealed="",
    )
    return _seal(ring, kid, shown, _to_pair(tokens))


def seal_grant_file(ring: KeyRing, kid: str, saved: SavedGrant) -> bytes:
    """What to save of a grant; a write of ``kid`` was reserved.

    Raises:
        SecretUnreadable: that key is not at hand any more.
    """
    facts = saved.facts
    content = _Grant(
        facts.partner_id,
        facts.main_account_id,
        facts.grant.shop_ids,
        facts.grant.merchant_ids,
        _to_pair(facts.grant.tokens),
        (facts.purpose.intent, facts.purpose.expected_shop_id, facts.purpose.expected_merchant_id),
        (facts.actor.kind.value, facts.actor.id, facts.actor.name),
        _to_number(facts.answered_at),
    )
    return _seal(ring, kid, _GrantFile(saved.connector, saved.environment.value, saved.attempt.hex(), ""), content)


def open_file(ring: KeyRing, data: bytes) -> SavedPair | SavedGrant:
    """Read a file.

    Raises:
        DamagedError: it is not as we wrote it.
    """
    try:
        shown = msgspec.json.decode(data, type=_PairFile | _GrantFile)
        if not shown.sealed.startswith("v2:"):  # the older format is bound to no place
            raise DamagedError("it is not sealed as it must be")
        text = ring.open(shown.place, shown.sealed)
        return _open_pair(shown, text) if isinstance(shown, _PairFile) else _open_grant(shown, text)
    except SecretUnreadable:  # all keys that this database needs are at hand
        raise DamagedError("it does not open with the keys of this installation") from None
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, ValueError):
        raise DamagedError("it cannot be understood") from None


def _seal(ring: KeyRing, kid: str, shown: _PairFile | _GrantFile, content: msgspec.Struct) -> bytes:
    sealed = ring.seal_reserved(kid, shown.place, msgspec.json.encode(content).decode())
    return msgspec.json.encode(msgspec.structs.replace(shown, sealed=sealed))


def _open_pair(shown: _PairFile, text: str) -> SavedPair:
    tokens = _to_tokens(msgspec.json.decode(text, type=_Pair))
    kind = find_kind(shown.kind)
    if kind is None:
        raise DamagedError("this version knows no account of its kind")
    scope = scope_of(kind, shown.connector, Environment(shown.environment), shown.id)
    return SavedPair(Generation(scope, UUID(hex=shown.pair), shown.generation), tokens)


def _open_grant(shown: _GrantFile, text: str) -> SavedGrant:
    content = msgspec.json.decode(text, type=_Grant)
    kind, actor_id, actor_name = content.actor
    facts = Facts(
        content.partner_id,
        content.main_account_id,
        Grant(_to_tokens(content.tokens), content.shop_ids, content.merchant_ids),
        Purpose(*content.purpose),
        Actor(ActorKind(kind), actor_id, actor_name),
        answered_at=_to_instant(content.answered_at),
    )
    return SavedGrant(
        ConnectorName(shown.connector), Environment(shown.environment), bytes.fromhex(shown.attempt), facts
    )


def _to_pair(tokens: TokenSet) -> _Pair:
    return _Pair(
        tokens.access_token.reveal(),
        tokens.refresh_token.reveal(),
        _to_number(tokens.access_expires_at),
        _to_number(tokens.refresh_expires_at),
    )


def _to_tokens(pair: _Pair) -> TokenSet:
    return TokenSet(
        Secret(pair.access_token),
        Secret(pair.refresh_token),
        _to_instant(pair.access_expires_at),
        _to_instant(pair.refresh_expires_at),
    )


def _to_number(instant: datetime) -> int:
    return (instant - _EPOCH) // timedelta(microseconds=1)


def _to_instant(number: int) -> datetime:
    return _EPOCH + timedelta(microseconds=number)


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
