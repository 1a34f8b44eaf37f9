"""The work of a due row that only met others at work comes again in two seconds: nothing is broken,
so nothing of it is kept, counted or told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import pytest

from ledger.clock import now
from ledger.ids import new_token
from notifications.actions import sending
from notifications.texts import texts_of
from tests import states
from tests.concurrency.test_influence_races import beside
from tests.draining import drain
from tests.integration.test_due_work_trouble import (
    change,
    fails,
    held,
    noted,
    on_hold,
    stopped,
    told,
    tried,
)
from tests.integration.test_effects_in_trouble import Away
from tests.integration.test_notifications_email import (
    email_to,
    make_due,
    sent_to,
    task_for,
    tries,
)
from tests.world import World
from verbs.answered_outside import Overtaken
from workitems.actions import work_on_hold

OVERTAKEN = Overtaken("what is asked about keeps changing")
SECOND = dt.timedelta(seconds=1)


@pytest.fixture
def overtaken() -> Iterator[pytest.MonkeyPatch]:
    """Let each item on hold that is to go on be overtaken, until that is undone."""
    with pytest.MonkeyPatch.context() as patch:
        fails(patch, OVERTAKEN)
        yield patch


def test_it_rests_by_its_lease_and_is_in_no_trouble(
    world: World, overtaken: pytest.MonkeyPatch
) -> None:
    item = on_hold(world)
    due_at, before = held(world, item).due_at, now()
    assert tried(world, item)
    row = held(world, item)
    assert (row.troubled_since, row.lease_token, row.due_at) == (None, None, due_at)
    assert row.leased_until is not None
    assert before + SECOND < row.leased_until < now() + 3 * SECOND
    assert not tried(world, item)
    overtaken.undo()
    change(world, "leased_until = NULL")
    assert tried(world, item)
    assert states.stored(world, item.id).status == "IN_PROGRESS"
    assert (noted(world), told(world), stopped(world)) == ([], [], {})


@pytest.mark.usefixtures("overtaken")
def test_trouble_that_there_was_before_is_left_as_it_is_and_not_told_for_that(
    world: World,
) -> None:
    item = on_hold(world)
    change(world, "troubled_since = ledger_now() - interval '2 minutes'")
    since = held(world, item).troubled_since
    assert tried(world, item)
    assert held(world, item).troubled_since == since
    assert held(world, item).lease_token is None
    assert (noted(world), told(world), stopped(world)) == ([], [], {})


def test_a_lease_that_another_worker_has_taken_over_stays_its_own(
    world: World, overtaken: pytest.MonkeyPatch
) -> None:
    item, token = on_hold(world), new_token()
    theirs = f"lease_token = '{token}', leased_until = ledger_now() + interval '1 minute'"

    def taken_over(_type: str) -> None:
        beside(lambda: change(world, theirs))
        raise OVERTAKEN

    overtaken.setattr(work_on_hold, "subject_of", taken_over)
    assert tried(world, item)
    row = held(world, item)
    assert (row.lease_token, row.troubled_since) == (token, None)
    assert row.leased_until is not None
    assert row.leased_until > now() + 50 * SECOND


def test_it_uses_up_no_attempt(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    task_for(world, world.analyst)
    monkeypatch.setattr(sending, "texts_of", Away(texts_of, 1, OVERTAKEN))
    drain()
    row = email_to(world.analyst)
    assert (row.attempts, row.status, row.lease_token) == (0, "PENDING", None)
    assert row.troubled_since is None
    assert (tries(row), sent_to(world, "analyst")) == ([], [])
    make_due(row)
    drain()
    row = email_to(world.analyst)
    assert (row.attempts, row.status) == (1, "ACCEPTED")
    assert len(sent_to(world, "analyst")) == 1
