"""D45: messages as they arrive: signed, in words, once if all goes well, and by the same id where they come again."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from itertools import pairwise

import pytest
import sqlalchemy as sa
import structlog

from kedai.errors import Conflict, Invalid
from kedai.notifications import deliveries, service
from kedai.notifications.channels import ChannelKind, secret_place
from kedai.notifications.outcome import BACKOFF
from kedai.notifications.telling import MOST_AN_HOUR, MOST_ENTRIES
from kedai.sync import channels
from kedai.sync.delivering import Ways, message_id, message_of, send_message, send_test
from kedai.values.notification import Kind
from kedai.vault.sealed import shelves_of_installation
from tests.feature.notifications.desk import EVERYTHING, Desk, news
from tests.support.factories import ANNA, LIVE, SANDBOX


def test_a_webhook_is_signed_by_the_standard_scheme_over_the_exact_bytes(desk: Desk) -> None:
    channel, secret = desk.add_with_secret()
    assert secret is not None
    desk.tell(news(desk=desk, environment=LIVE))
    assert desk.send() == 1
    (posted,) = desk.web.posted
    (row,) = desk.deliveries()
    signed = ".".join((posted.headers["webhook-id"], posted.headers["webhook-timestamp"], posted.body.decode()))
    key = base64.b64decode(secret.reveal().removeprefix("whsec_"))
    expected = base64.b64encode(hmac.new(key, signed.encode(), hashlib.sha256).digest()).decode()
    assert posted.headers["webhook-signature"] == f"v1,{expected}"
    assert posted.headers["webhook-id"] == message_id(row.id)
    assert posted.headers["webhook-timestamp"] == str(int(desk.house.now.timestamp()))
    data = json.loads(posted.body)["data"]
    assert data["environment"] == "live"
    (entry,) = data["entries"]
    assert (entry["topic"], entry["change"]) == ("reconnect", "began")
    assert entry["url"] == "https://kedai.example/connectors/fake"
    assert (row.state, row.attempts, desk.channel().last_sent_at) == ("sent", 1, desk.house.now)
    assert channel.secret_encrypted is not None
    assert secret.reveal() not in channel.secret_encrypted
    assert desk.send() == 0, "and nothing is sent twice"


def test_an_e_mail_names_the_environment_in_words_and_everybody_it_goes_to(desk: Desk) -> None:
    desk.add(ChannelKind.EMAIL)
    desk.tell(
        news(desk=desk, environment=LIVE),
        news("“Keep tokens alive” is down", kind=Kind.SCHEDULE, environment=LIVE, desk=desk),
    )
    desk.send()
    (mail,) = desk.mail.mails
    assert desk.mail.envelopes == [("kedai@shop.example", ["anna@shop.example", "ben@shop.example"])]
    assert mail["Subject"] == "[Kedai LIVE] Shop 7001 must be connected again (and 1 more)"
    text = mail.get_content()
    assert text.startswith("Environment: Live (real orders)")
    assert "“Keep tokens alive” is down" in text
    assert "https://kedai.example/connectors/fake" in text
    assert mail["Message-ID"] == f"<{message_id(desk.deliveries()[0].id)}@kedai>"


def test_a_chat_gets_one_text_in_which_no_name_can_ring_a_room(desk: Desk) -> None:
    desk.add(ChannelKind.CHAT)
    desk.tell(news("Shop <!channel> & co", desk=desk))
    desk.send()
    (posted,) = desk.web.posted
    body = json.loads(posted.body)
    assert list(body) == ["text"]
    assert "Shop &lt;!channel&gt; &amp; co" in body["text"]
    assert body["text"].startswith("Environment: Sandbox (test orders only)")


def test_line_breaks_in_a_title_never_make_a_header(desk: Desk) -> None:
    desk.add(ChannelKind.EMAIL)
    desk.tell(news("Shop\r\nBcc: mallory@evil.example\r\n\r\nhello", desk=desk))
    desk.send()
    (mail,) = desk.mail.mails
    assert mail["Bcc"] is None
    assert mail["Subject"] == "[Kedai SANDBOX] Shop Bcc: mallory@evil.example hello"


def test_a_failing_receiver_is_tried_again_later_by_the_same_id_and_given_up_in_the_end(desk: Desk) -> None:
    desk.add()
    desk.web.status = 500
    desk.tell(news(desk=desk))
    for number, wait in enumerate((*BACKOFF, None), start=1):
        assert desk.send() == 1
        assert desk.send() == 0, "not before its time"
        (row,) = desk.deliveries()
        assert (row.attempts, row.last_error) == (number, "The answer was 500.")
        assert row.state == ("dead" if wait is None else "waiting")
        if wait is not None:
            desk.house.clock.advance(wait)
    assert desk.send() == 0
    assert len({one.headers["webhook-id"] for one in desk.web.posted}) == 1
    assert len({one.body for one in desk.web.posted}) == 1
    assert desk.channel().failures == len(BACKOFF) + 1


def test_a_kill_between_sending_and_noting_sends_the_same_message_again(desk: Desk) -> None:
    """At least once: the lease ends, and who goes on sends it by the id that the receiver knows."""
    desk.add()
    desk.tell(news(desk=desk))
    send_and_die(desk)
    assert len(desk.web.posted) == 1
    assert desk.send() == 0, "held by the one that died"
    with desk.house.db.write() as db:
        deliveries.void_leases(db)
    assert desk.send() == 1
    first, second = desk.web.posted
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    (row,) = desk.deliveries()
    assert (row.state, row.attempts) == ("sent", 2)


def send_and_die(desk: Desk) -> None:
    """Claim and send like a process that is gone before it notes anything."""
    with desk.house.db.write() as db:
        (row,) = deliveries.claim_due(db, sealed=frozenset(), now=desk.house.now, limit=4)
    asyncio.run(send_message(desk.parts, desk.channel(), message_of(desk.parts, row), Ways()))


def test_a_holder_that_comes_late_notes_nothing(desk: Desk) -> None:
    desk.add()
    desk.tell(news(desk=desk))
    with desk.house.db.write() as db:
        (mine,) = deliveries.claim_due(db, sealed=frozenset(), now=desk.house.now, limit=4)
    with desk.house.db.write() as db:
        deliveries.void_leases(db)
        (theirs,) = deliveries.claim_due(db, sealed=frozenset(), now=desk.house.now, limit=4)
    with desk.house.db.write() as db:
        assert not deliveries.note_sent(db, mine, now=desk.house.now)
        assert deliveries.note_sent(db, theirs, now=desk.house.now)


def test_t20_a_redirect_is_not_followed(desk: Desk) -> None:
    desk.add()
    desk.web.status, desk.web.location = 302, f"{desk.web.url}/elsewhere"
    desk.tell(news(desk=desk))
    desk.send()
    assert [one.path for one in desk.web.posted] == ["/hook"]
    assert desk.deliveries()[0].last_error == "The answer was 302."


@pytest.mark.parametrize(("status", "state"), [(410, "dead"), (404, "waiting"), (200, "sent")])
def test_a_receiver_that_is_gone_is_not_tried_again(desk: Desk, status: int, state: str) -> None:
    desk.add()
    desk.web.status = status
    desk.tell(news(desk=desk))
    desk.send()
    assert desk.deliveries()[0].state == state


def test_a_mail_server_that_refuses_for_good_is_not_tried_again_and_one_that_is_busy_is(desk: Desk) -> None:
    desk.add(ChannelKind.EMAIL)
    desk.mail.refusing = "450 later"
    desk.tell(news(desk=desk))
    desk.send()
    assert desk.deliveries()[0].state == "waiting"
    desk.mail.refusing = "550 never"
    desk.pass_time(seconds=5)
    desk.send()
    (row,) = desk.deliveries()
    assert (row.state, row.last_error) == ("dead", "The mail server refused the recipient (550).")


def test_a_test_message_is_sent_at_once_tried_once_and_says_why_it_failed(desk: Desk) -> None:
    channel = desk.add()
    assert asyncio.run(send_test(desk.parts, channel, by="anna@example.com")) == ""
    assert desk.came()[0]["data"]["entries"][0]["topic"] == "test"
    desk.web.status = 503
    assert asyncio.run(send_test(desk.parts, channel, by="anna@example.com")) == "The answer was 503."
    assert [one.state for one in desk.deliveries()] == ["sent", "dead"]


def test_a_paused_channel_is_told_nothing_and_what_waited_is_given_up(desk: Desk) -> None:
    channel = desk.add()
    desk.tell(news(desk=desk))
    with desk.house.db.write() as db:
        service.pause_channel(db, service.lock_channel(db, channel), actor=ANNA, now=desk.house.now)
    assert desk.tell(news(desk=desk)) == 0
    assert desk.send() == 0
    with pytest.raises(Conflict):
        asyncio.run(send_test(desk.parts, channel, by="anna@example.com"))
    assert [one.last_error for one in desk.deliveries()] == ["The channel was paused."]


def test_a_channel_is_told_of_the_environments_and_kinds_that_it_names(desk: Desk) -> None:
    desk.add(environment_live="on", topic_reconnect="on")
    assert desk.tell(news(desk=desk)) == 0
    assert desk.tell(news(desk=desk, environment=LIVE, kind=Kind.QUOTA)) == 0
    assert desk.tell(news(desk=desk, environment=LIVE)) == 1


def test_each_message_is_of_one_environment(desk: Desk) -> None:
    desk.add()
    desk.tell(news(desk=desk), news(desk=desk, environment=LIVE))
    desk.send()
    assert sorted(one["data"]["environment"] for one in desk.came()) == ["live", "sandbox"]


def test_a_flood_becomes_few_messages_and_nothing_of_it_is_lost(desk: Desk) -> None:
    """Three things a minute for three hours: what comes meanwhile is gathered, and what finds no room is counted."""
    desk.add()
    for minute in range(180):
        desk.tell(*(news(f"{minute}-{number}", desk=desk) for number in range(3)))
        desk.send()
        desk.pass_time(minutes=1)
    desk.pass_time(hours=1)
    desk.send()
    times = [int(one.headers["webhook-timestamp"]) for one in desk.web.posted]
    assert max(sum(begin <= one < begin + 3600 for one in times) for begin in times) <= MOST_AN_HOUR + 6
    assert min(later - earlier for earlier, later in pairwise(times)) >= 60
    told = sum(len(one["data"]["entries"]) + one["data"]["left_out"] for one in desk.came())
    assert told == 3 * 180
    assert max(len(one["data"]["entries"]) for one in desk.came()) == MOST_ENTRIES


def test_no_secret_is_in_a_log_an_error_or_the_trail(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.add(ChannelKind.CHAT)
    with structlog.testing.capture_logs() as lines:
        desk.web.status = 500
        desk.tell(news(desk=desk))
        desk.send()
    said = f"{lines}{[one.last_error for one in desk.deliveries()]}{caplog.text}"
    trail = (
        str(desk.house.scalar(sa.text("SELECT group_concat(details) FROM audit"))) if desk.house.db.is_sqlite else ""
    )
    assert "a notification was not taken" in said
    assert "chat-secret-of-the-tests" not in said + trail
    assert "chat-secret-of-the-tests" not in str(desk.channel().settings)


def test_a_password_is_never_handed_to_another_server(desk: Desk) -> None:
    """Whoever may change a channel could else have it sent to a server of theirs."""
    channel = desk.add(ChannelKind.EMAIL, user="kedai", password="password-of-the-tests")
    form = {"name": "ops", **EVERYTHING, **desk.fields(ChannelKind.EMAIL), "user": "kedai"}
    for other in ({"host": "smtp.evil.example", "tls": "tls"}, {"user": "mallory"}):
        with pytest.raises(Invalid, match="enter the password again"), desk.house.db.write() as db:
            channels.change(desk.parts, db, channel, form | other, actor=ANNA, now=desk.house.now)
    with desk.house.db.write() as db:
        changed = form | {"recipients": "carl@shop.example"}
        assert channels.change(desk.parts, db, channel, changed, actor=ANNA, now=desk.house.now)
    assert channels.open_secret(desk.parts, desk.channel()) is not None


def test_a_renamed_channel_keeps_its_secret_sealed_for_its_new_name(desk: Desk) -> None:
    channel, secret = desk.add_with_secret()
    assert secret is not None
    form = {"name": "night shift", **EVERYTHING, **desk.fields(ChannelKind.WEBHOOK)}
    with desk.house.db.write() as db:
        assert channels.change(desk.parts, db, channel, form, actor=ANNA, now=desk.house.now)
    found = channels.open_secret(desk.parts, desk.channel())
    assert found is not None
    assert found.reveal() == secret.reveal()
    shelf = next(one for one in shelves_of_installation() if one.sealed.name == "notification_channel")
    assert shelf.place("secret_encrypted", "night shift") == secret_place("night shift")


def test_what_is_old_is_removed_and_what_waits_stays(desk: Desk) -> None:
    desk.add()
    desk.tell(news(desk=desk))
    desk.send()
    desk.pass_time(days=2)
    desk.tell(news(desk=desk))
    with desk.house.db.write() as db:
        gone = deliveries.sweep_deliveries(
            db,
            "fake",
            SANDBOX,
            before=desk.house.now,
            after=None,
            limit=10,  # type: ignore[arg-type]
        )
    assert gone == (1, None)
    assert [one.state for one in desk.deliveries()] == ["waiting"]


def test_two_workers_send_a_message_once(desk: Desk) -> None:
    desk.add()
    desk.tell(news(desk=desk))
    now = desk.house.now
    with desk.house.db.write() as db:
        first = deliveries.claim_due(db, sealed=frozenset(), now=now, limit=4)
    with desk.house.as_process().database.write() as db:
        second = deliveries.claim_due(db, sealed=frozenset(), now=now, limit=4)
    assert (len(first), len(second)) == (1, 0)
