"""Pages say so when no worker has answered for ten seconds."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.urls import reverse

from ledger.dispatch import beats
from tests.clients import browser
from tests.integration.test_pages_live import NEWS, NO_NEWS, Poll
from tests.world import World
from web import workers_heard
from web.workers_heard import _Heard

ALL = ["undo", "engine", "work", "notify"]
SILENT = "no worker has answered"


def inbox(world: World) -> str:
    """Return the inbox of the analyst, as asked by a process that has not asked yet."""
    return browser(world.analyst).get(reverse("workitems:inbox")).content.decode()


@pytest.fixture(autouse=True)
def _asks_anew(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.AMENDS_WORKERS_SILENT_SECONDS = 10
    monkeypatch.setattr(workers_heard, "_ASK_EVERY_SECONDS", -1)
    monkeypatch.setattr(workers_heard, "_heard", _Heard())


def last_heard(seconds: int) -> None:
    """Let every worker have been heard that long ago, and one more at all."""
    beats.beat("lanes@here:1", ALL)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE ledger_workerbeat SET seen_at = ledger_now() - make_interval(secs => %s)",
            [seconds],
        )


def test_a_worker_that_is_heard_is_not_mentioned(world: World) -> None:
    last_heard(9)
    assert SILENT not in inbox(world)


def test_silence_is_said_on_every_page(world: World) -> None:
    last_heard(11)
    assert SILENT in inbox(world)
    assert SILENT in browser(world.operator).get(reverse("cases:list")).content.decode()


def test_silence_that_begins_or_ends_is_news_to_a_page_that_is_open(world: World) -> None:
    last_heard(2)
    poll = Poll(browser(world.analyst), reverse("workitems:inbox"))
    assert poll.ask() == NO_NEWS
    last_heard(11)
    assert (poll.ask(), poll.ask()) == (NEWS, NO_NEWS)
    beats.beat("lanes@here:1", ALL)
    assert (poll.ask(), poll.ask()) == (NEWS, NO_NEWS)


def test_one_that_comes_back_ends_it(world: World) -> None:
    last_heard(11)
    assert SILENT in inbox(world)
    beats.beat("lanes@here:1", ALL)
    assert SILENT not in inbox(world)


def test_a_queue_that_nobody_serves_is_silence_too(world: World) -> None:
    last_heard(11)
    beats.beat("work@here:2", ["work"])
    assert beats.unheard() == ["undo", "engine", "notify"]
    assert SILENT in inbox(world)


def test_workers_of_yesterday_are_forgotten(world: World) -> None:
    last_heard(2 * 86_400)
    beats.beat("work@here:2", ["work"])
    with connection.cursor() as cursor:
        cursor.execute("SELECT name FROM ledger_workerbeat")
        assert cursor.fetchall() == [("work@here:2",)]
    assert world.slug
