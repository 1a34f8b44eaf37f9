"""The preview and the page of a rollback say how long each step usually takes, where enough were
undone lately to know it, and nothing where not."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.casework import deploy, finish, opened, plan_for, roll_back, undo
from tests.clients import browser
from tests.definitions import definition, human
from tests.integration.workitems_made import page
from tests.pages import text_of
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)
SAID = "usually takes 2 days"


def done_case(world: World) -> uuid.UUID:
    case_id = opened(world, "tests/usual")
    finish(world.analyst, case_id, "check", None)
    finish(world.analyst, case_id, "sign", None)
    return case_id


def undone_after(world: World, days: int) -> None:
    """Roll a case back whose newest step takes so many days to undo."""
    case_id = done_case(world)
    start = dt.datetime.now(dt.UTC)
    roll_back(world, case_id)
    with time_machine.travel(start + dt.timedelta(days=days, minutes=1), tick=False):
        undo(world.analyst, case_id)


def test_it_is_told_once_it_is_known(world: World) -> None:
    sign = human("sign", when=".check and .sign == null")
    deploy(world, definition("usual", human("check"), sign))
    for days in (1, 2):
        undone_after(world, days)
    client = browser(world.operator)
    path = f"/compensation-plans/{plan_for(world, done_case(world)).id}/"
    assert "usually" not in text_of(page(client, path).encode())
    # One that lay for long does not make that usual.
    undone_after(world, 40)
    case_id = done_case(world)
    path = f"/compensation-plans/{plan_for(world, case_id).id}/"
    page(client, path)
    with CaptureQueriesContext(connection) as captured:
        text = text_of(page(client, path).encode())
    assert text.count(SAID) == 1
    assert sum("percentile_cont" in each["sql"] for each in captured.captured_queries) == 1
    run = roll_back(world, case_id)
    page_of_run = f"/compensation-runs/{run.id}/"
    assert text_of(page(client, page_of_run).encode()).count(SAID) == 1
    undo(world.analyst, case_id)
    # What is undone takes no time any more; the other step was never undone before.
    assert "usually" not in text_of(page(client, page_of_run).encode())
