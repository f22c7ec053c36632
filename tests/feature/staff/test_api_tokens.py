"""A program's token: bound to one environment, shown once, worthless once revoked or expired."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from kedai.audit.queries import list_entries
from kedai.db.database import Database
from kedai.errors import Invalid
from kedai.staff import queries, service
from kedai.staff.models import ApiToken
from kedai.staff.roles import Role, TokenScope
from kedai.values.actor import COMMAND_LINE
from kedai.values.environment import Environment
from kedai.values.secret import Secret

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def make(
    db: Database,
    name: str = "till",
    environment: Environment = Environment.LIVE,
    expires_at: datetime | None = None,
) -> tuple[ApiToken, Secret]:
    with db.write() as session:
        return service.create_api_token(
            session,
            name,
            role=Role.OPERATOR,
            environment=environment,
            actor=COMMAND_LINE,
            now=NOW,
            expires_at=expires_at,
        )


def find(db: Database, text: str, now: datetime = NOW) -> ApiToken | None:
    with db.read() as session:
        return queries.find_api_token(session, text, now=now)


@pytest.mark.parametrize("environment", Environment)
def test_token_shows_its_environment_and_is_found_with_its_role(db: Database, environment: Environment) -> None:
    made, text = make(db, environment=environment)
    assert re.fullmatch(rf"kedai_{environment.value}_[A-Za-z0-9_-]{{43}}", text.reveal())
    found = find(db, text.reveal())
    assert found is not None
    assert (found.id, found.environment, found.role) == (made.id, environment, "operator")
    assert found.created_by == "command line"


def test_text_of_a_token_is_stored_nowhere(db: Database) -> None:
    made, text = make(db)
    random_part = text.reveal().removeprefix("kedai_live_").encode()
    with db.read() as session:
        entries = list_entries(session, environment=None, before_sequence=None, limit=10)
        rows = [*entries, queries.get_api_token(session, made.id)]
        shown = [v if isinstance(v, bytes) else str(v).encode() for row in rows for v in vars(row).values()]
    assert not any(random_part in value for value in shown)


@pytest.mark.parametrize("change", ["{}\n", "{}\r\n", " {}", "{} ", "{}\0", "Bearer {}", "{}=", "\ud800{}", "\u00e9{}"])
def test_token_must_match_exactly(db: Database, change: str) -> None:
    _, text = make(db)
    assert find(db, change.format(text.reveal())) is None


def test_token_with_the_other_environments_prefix_is_not_found(db: Database) -> None:
    _, text = make(db, environment=Environment.SANDBOX)
    assert find(db, text.reveal().replace("sandbox", "live")) is None


def test_forged_tokens_are_not_found(db: Database) -> None:
    made, text = make(db)
    for forged in ("", "kedai_live_", text.reveal()[:-1], text.reveal().upper(), made.token_hash.hex(), "x" * 8192):
        assert find(db, forged) is None


def test_revoked_token_is_not_found_and_is_revoked_once(db: Database) -> None:
    made, text = make(db)
    with db.write() as session:
        assert service.revoke_api_token(session, made, actor=COMMAND_LINE, now=NOW)
        assert not service.revoke_api_token(session, made, actor=COMMAND_LINE, now=NOW + SECOND)
    assert find(db, text.reveal()) is None
    with db.read() as session:
        assert queries.get_api_token(session, made.id).revoked_at == NOW
        entries = list_entries(session, environment=Environment.LIVE, before_sequence=None, limit=10)
    assert [entry.action for entry in entries] == ["token.revoked", "token.created"]


def test_expired_token_is_not_found(db: Database) -> None:
    _, text = make(db, expires_at=NOW + SECOND)
    assert find(db, text.reveal()) is not None
    assert find(db, text.reveal(), NOW + SECOND) is None
    assert find(db, text.reveal(), NOW + SECOND * 2) is None


def test_token_that_would_be_born_expired_is_refused(db: Database) -> None:
    with pytest.raises(Invalid) as caught:
        make(db, expires_at=NOW)
    assert caught.value.field == "expires_at"


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\nb", "a\0b", "a\u202eb", "a\ud800b"])
def test_unprintable_name_is_refused(db: Database, name: str) -> None:
    with pytest.raises(Invalid) as caught:
        make(db, name)
    assert caught.value.field == "name"


def test_use_is_noted_at_most_once_a_minute(db: Database) -> None:
    made, text = make(db)
    minute = timedelta(minutes=1)
    for now, expected in ((NOW, NOW), (NOW + minute - SECOND, NOW), (NOW + minute, NOW + minute)):
        with db.write() as session:
            service.touch_api_token(session, made.id, now=now)
        found = find(db, text.reveal())
        assert found is not None
        assert found.last_used_at == expected


def test_list_shows_every_token_newest_first(db: Database) -> None:
    first, _ = make(db, "first")
    second, _ = make(db, "second", Environment.SANDBOX)
    with db.write() as session:
        service.revoke_api_token(session, first, actor=COMMAND_LINE, now=NOW)
    with db.read() as session:
        assert [one.id for one in queries.list_api_tokens(session)] == [second.id, first.id]


def test_scope_is_given_when_a_token_is_made_and_only_where_it_means_something(db: Database) -> None:
    scope = [TokenScope.ACTIVATE_LIVE]
    given = {"role": Role.OPERATOR, "actor": COMMAND_LINE, "now": NOW}
    with db.write() as session:
        _, text = service.create_api_token(session, "deploy", environment=Environment.LIVE, scopes=scope, **given)
    assert make(db)[0].scopes == []
    found = find(db, text.reveal())
    assert found is not None
    assert found.scopes == ["activate:live"]
    with pytest.raises(Invalid), db.write() as session:
        service.create_api_token(session, "deploy", environment=Environment.SANDBOX, scopes=scope, **given)
    with db.read() as session:
        entries = list_entries(session, environment=Environment.LIVE, before_sequence=None, limit=10)
        made = [one for one in entries if one.action == "token.created"]
    assert {tuple(one.details["scopes"]) for one in made} == {(), ("activate:live",)}
