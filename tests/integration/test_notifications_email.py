"""Email: sent at least once, with one Message-ID per delivery, tried again with growing pauses."""

from __future__ import annotations

import datetime as dt
import smtplib
import uuid
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.core.mail import EmailMessage
from django.db import connection

from accounts.acting import ActingUser
from accounts.models import User
from ledger.dispatch.lease_table import Due
from ledger.tenancy import system_scope, tenant_scope
from notifications.actions import sending
from notifications.channels import CHANNELS
from notifications.channels.channel import Message, Result
from notifications.lifecycle import MAX_ATTEMPTS, DeliveryStatus, pause_after
from notifications.models import Delivery, DeliveryAttempt
from tests.draining import drain
from tests.subprocesses import manage
from tests.world import World
from verbs.call import Call
from workitems import actions

SMTP_DOWN = smtplib.SMTPServerDisconnected("analyst@secret.example was here")


def task_for(world: World, who: ActingUser, title: str = "Check the file") -> uuid.UUID:
    """Give `who` a task without running anything that is due."""
    call = Call(world.operator)
    return actions.create_work_item(call=call, title=title, assignee=who.username).id


def email_to(who: ActingUser) -> Delivery:
    """Return the one email delivery to `who`."""
    with tenant_scope(who.tenant_id):
        return Delivery.objects.get(recipient_id=who.actor_id, channel="email")


def tries(delivery: Delivery) -> list[tuple[int | None, str]]:
    """Return the tries at a delivery, oldest first."""
    with tenant_scope(delivery.tenant_id):
        rows = DeliveryAttempt.objects.filter(delivery_id=delivery.id).order_by("at", "id")
        return [(row.status_code, row.error) for row in rows]


def sent_to(world: World, name: str) -> list[EmailMessage]:
    """Return the mails that reached one of this test's people."""
    tag = world.slug.removeprefix("demo-")
    return [each for each in mail.outbox if each.to == [f"{name}@{tag}.example"]]


def make_due(delivery: Delivery) -> None:
    """Let the pause, and any lease, be over."""
    with system_scope("sweep"), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notifications_delivery SET next_attempt_at = now(), leased_until = NULL"
            " WHERE id = %s",
            [delivery.id],
        )


class Refusing:
    """A mail server that fails with what it is given, as often as it is asked."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.asked: list[str] = []

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Take the place of every mail server."""

        def send(message: EmailMessage, **_options: Any) -> int:
            self.asked.append(str(message.message()["Message-ID"]))
            raise self.error

        monkeypatch.setattr(EmailMessage, "send", send)


@pytest.fixture(autouse=True)
def _nothing_left_to_send(transactional_db: None) -> None:
    """What earlier tests left would reach the mail server, or the armed point, first."""
    drain(fast_forward=True)
    with system_scope("sweep"), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notifications_delivery SET status = 'DEAD'"
            " WHERE status IN ('PENDING', 'FAILED')"
        )


@pytest.fixture
def down(monkeypatch: pytest.MonkeyPatch) -> Refusing:
    """Return a mail server that has gone away."""
    server = Refusing(SMTP_DOWN)
    server.install(monkeypatch)
    return server


def test_a_mail_says_what_waits_why_and_where(world: World) -> None:
    item_id = task_for(world, world.analyst, "Check the file")
    drain()
    (found,) = sent_to(world, "analyst")
    delivery = email_to(world.analyst)
    message = found.message()
    assert message["Subject"] == "Task waiting: Check the file"
    assert message["Message-ID"] == f"<{delivery.id}@localhost>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["From"] == "amends@localhost"
    assert f"http://localhost:8000/work-items/{item_id}/" in found.body
    assert message.get_content_type() == "text/plain"
    assert delivery.status == "ACCEPTED"
    assert (delivery.next_attempt_at, delivery.lease_token, delivery.attempts) == (None, None, 1)
    assert tries(delivery) == [(None, "")]
    assert drain() == 0
    assert len(sent_to(world, "analyst")) == 1


@pytest.mark.parametrize("hours", [-1, 1])
def test_it_is_sent_at_once_however_wrong_the_programs_clock_is(world: World, hours: int) -> None:
    task_for(world, world.analyst)
    wrong = dt.datetime.now(dt.UTC) + dt.timedelta(hours=hours)
    with time_machine.travel(wrong):
        drain()
    assert email_to(world.analyst).status == "ACCEPTED"
    assert len(sent_to(world, "analyst")) == 1


def test_the_in_app_message_is_delivered_without_being_sent(world: World) -> None:
    task_for(world, world.analyst)
    drain()
    with tenant_scope(world.analyst.tenant_id):
        row = Delivery.objects.get(recipient_id=world.analyst.actor_id, channel="in_app")
    assert (row.status, row.next_attempt_at, row.attempts) == ("DELIVERED", None, 0)
    assert tries(row) == []


def test_who_has_no_address_is_told_in_the_application_alone(world: World) -> None:
    User.objects.filter(username=world.analyst.username).update(email="")
    task_for(world, world.analyst)
    drain()
    with tenant_scope(world.analyst.tenant_id):
        rows = Delivery.objects.filter(recipient_id=world.analyst.actor_id)
        assert [(row.channel, row.status) for row in rows] == [("in_app", "DELIVERED")]
    assert sent_to(world, "analyst") == []


def test_an_address_that_is_gone_when_it_is_sent_is_skipped_and_not_a_failure(
    world: World, down: Refusing
) -> None:
    task_for(world, world.analyst)
    drain()
    delivery = email_to(world.analyst)
    User.objects.filter(username=world.analyst.username).update(email="")
    make_due(delivery)
    drain()
    after = email_to(world.analyst)
    assert (after.status, after.next_attempt_at) == ("SKIPPED", None)
    # Only the try before.
    assert (len(down.asked), len(tries(after))) == (1, 1)


def test_a_failure_is_tried_again_with_the_same_message_id_and_then_accepted(
    world: World, down: Refusing, monkeypatch: pytest.MonkeyPatch
) -> None:
    task_for(world, world.analyst)
    drain()
    delivery = email_to(world.analyst)
    assert delivery.status == "FAILED"
    assert delivery.next_attempt_at is not None
    with tenant_scope(world.analyst.tenant_id):
        (tried,) = DeliveryAttempt.objects.filter(delivery_id=delivery.id)
    pause = delivery.next_attempt_at - tried.at
    assert dt.timedelta(seconds=25) < pause < dt.timedelta(seconds=35)
    # Not due yet: nothing is sent.
    assert drain() == 0
    monkeypatch.undo()
    make_due(delivery)
    drain()
    (found,) = sent_to(world, "analyst")
    assert [str(found.message()["Message-ID"])] == down.asked
    after = email_to(world.analyst)
    assert (after.status, after.attempts) == ("ACCEPTED", 2)
    assert tries(after) == [(None, "SMTPServerDisconnected"), (None, "")]


def test_after_the_last_attempt_it_is_dead_and_stays_so(world: World, down: Refusing) -> None:
    task_for(world, world.analyst)
    drain()
    delivery = email_to(world.analyst)
    for _ in range(MAX_ATTEMPTS + 2):
        make_due(delivery)
        drain()
    after = email_to(world.analyst)
    assert (after.status, after.attempts) == ("DEAD", 8)
    assert len(down.asked) == 8
    assert len(set(down.asked)) == 1
    assert len(tries(after)) == 8


def test_the_pauses_double_up_to_an_hour() -> None:
    pauses = [pause_after(attempts) for attempts in range(1, 9)]
    assert pauses == [30, 60, 120, 240, 480, 960, 1920, 3600]


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (smtplib.SMTPDataError(451, b"a@secret.example"), (451, "SMTPDataError")),
        (
            smtplib.SMTPRecipientsRefused({"a@secret.example": (550, b"unknown")}),
            (550, "the recipient was refused"),
        ),
        (SMTP_DOWN, (None, "SMTPServerDisconnected")),
        (ConnectionRefusedError(111, "a@secret.example"), (None, "ConnectionRefusedError")),
        (RuntimeError("a@secret.example"), (None, "RuntimeError")),
    ],
    ids=["server-says-later", "recipient", "gone", "unreachable", "bug"],
)
def test_what_is_kept_of_a_failure_names_no_address(
    world: World, monkeypatch: pytest.MonkeyPatch, error: Exception, kept: tuple[int | None, str]
) -> None:
    Refusing(error).install(monkeypatch)
    task_for(world, world.analyst)
    drain()
    delivery = email_to(world.analyst)
    assert (delivery.status, tries(delivery)) == ("FAILED", [kept])


def test_one_failing_mail_holds_up_no_other(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    send = EmailMessage.send

    def picky(message: EmailMessage, **options: Any) -> int:
        if message.to[0].startswith("analyst@"):
            raise SMTP_DOWN
        return send(message, **options)

    monkeypatch.setattr(EmailMessage, "send", picky)
    task_for(world, world.analyst)
    task_for(world, world.surveyor)
    drain()
    assert email_to(world.analyst).status == "FAILED"
    assert email_to(world.surveyor).status == "ACCEPTED"


@pytest.mark.parametrize("point", ["notification.leased", "notification.sent"])
def test_a_worker_killed_around_sending_sends_the_same_message_again(
    world: World, point: str
) -> None:
    task_for(world, world.analyst)
    killed = manage("worker", "--once", AMENDS_FAILPOINT=point)
    assert killed.returncode == -9
    delivery = email_to(world.analyst)
    assert (delivery.status, delivery.attempts, tries(delivery)) == ("PENDING", 1, [])
    # Leased to the dead worker: nobody else sends it yet.
    drain()
    assert sent_to(world, "analyst") == []
    make_due(delivery)
    drain()
    (found,) = sent_to(world, "analyst")
    assert found.message()["Message-ID"] == f"<{delivery.id}@localhost>"
    after = email_to(world.analyst)
    assert (after.status, after.attempts, tries(after)) == ("ACCEPTED", 2, [(None, "")])


def test_who_lost_the_lease_stores_nothing(world: World, down: Refusing) -> None:
    task_for(world, world.analyst)
    drain()
    delivery = email_to(world.analyst)
    stranger = Due(delivery.tenant_id, delivery.id, uuid.uuid4())
    assert not sending.work(delivery.tenant_id, delivery.id), "it rests"
    assert len(down.asked) == 1
    settled = sending.settle(stranger, Result(DeliveryStatus.ACCEPTED), latency_ms=1)
    assert settled is None
    assert email_to(world.analyst).status == "FAILED"


def test_a_delivery_that_kills_every_worker_ends_dead_without_another_try(world: World) -> None:
    task_for(world, world.analyst)
    assert manage("worker", "--once", AMENDS_FAILPOINT="notification.leased").returncode == -9
    delivery = email_to(world.analyst)
    with system_scope("sweep"), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE notifications_delivery SET attempts = %s WHERE id = %s",
            [MAX_ATTEMPTS, delivery.id],
        )
    make_due(delivery)
    drain()
    assert email_to(world.analyst).status == "DEAD"
    assert sent_to(world, "analyst") == []
    assert tries(delivery) == [(None, "every worker that tried to send it died")]


def test_every_channel_says_how_its_deliveries_start() -> None:
    starts = {name: str(channel.starts_as) for name, channel in CHANNELS.items()}
    assert starts == {"in_app": "DELIVERED", "email": "PENDING"}
    message = Message(uuid.uuid4(), "", "Title", "", "http://localhost:8000/")
    assert CHANNELS["in_app"].deliver(message) == Result(DeliveryStatus.DELIVERED)
    assert CHANNELS["email"].deliver(message) == Result(DeliveryStatus.SKIPPED)
