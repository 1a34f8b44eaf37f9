"""The counts of an inbox over the API: what is one's own, one's groups', late, and in trouble."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ledger.clock import now
from tests import states
from tests.clients import api
from tests.integration.test_substitutes import stand_in
from tests.integration.workitems_over_rest import ROOT
from tests.world import World
from workitems.lifecycle import Status

pytestmark = pytest.mark.django_db(transaction=True)
NOTHING = {
    "mine": 0, "groups": 0, "unassigned": 0, "standing_in": 0, "overdue": 0, "compensating": 0,
    "faulted": 0, "exact_below": 100,
}  # fmt: skip


def summary(world: World, who: str) -> dict[str, int]:
    answer = api(world.of(who)).get(f"{ROOT}/summary")
    assert answer.status_code == 200, answer.content
    return dict(answer.json())


def test_nothing_is_nothing(world: World) -> None:
    assert summary(world, "analyst") == NOTHING


def test_each_pile_is_counted_for_whom_it_is(world: World) -> None:
    late = now() - dt.timedelta(days=1)
    states.new_item(world.operator, assignee=world.analyst.username, due_at=late)
    states.new_item(world.operator, candidate_groups=["analysts"])
    states.new_item(world.operator, candidate_groups=["surveyors"], due_at=late)
    # Finished late is not late.
    states.completed(world.surveyor, due_at=late)
    states.compensate(states.completed(world.underwriter), world.operator)
    undone = states.compensate(states.completed(world.underwriter), world.operator)
    states.undo(undone.attempt.compensation_id, world.underwriter, outcome="CANNOT_REVERSE")
    of_all = {"unassigned": 2, "compensating": 1, "faulted": 1}
    assert summary(world, "analyst") == {
        **NOTHING, **of_all, "mine": 1, "groups": 1, "overdue": 1,
    }  # fmt: skip
    assert summary(world, "surveyor") == {**NOTHING, **of_all, "groups": 1, "overdue": 1}
    # The undo task of what is being undone.
    assert summary(world, "underwriter") == {**NOTHING, **of_all, "mine": 1}
    assert summary(world, "outsider") == NOTHING


def test_what_waits_for_others_is_counted_apart(world: World) -> None:
    stand_in(world, world.bystander, world.analyst)
    stand_in(world, world.bystander, world.surveyor)
    states.new_item(world.operator, assignee=world.analyst.username)
    states.new_item(world.operator, candidate_groups=["analysts", "surveyors"])
    states.new_item(world.operator, candidate_groups=["analysts"],
                    excluded_users=[world.bystander.username])  # fmt: skip
    states.new_item(world.operator, candidate_groups=["underwriters"])
    with CaptureQueriesContext(connection) as captured:
        assert summary(world, "bystander") == {**NOTHING, "unassigned": 3, "standing_in": 2}
    about = [each["sql"] for each in captured.captured_queries]
    assert len([sql for sql in about if "workitems_workitem" in sql]) == 3
    assert summary(world, "analyst")["standing_in"] == 0


def test_what_failed_for_good_is_in_trouble_too(world: World) -> None:
    states.item_in(Status.FAULTED, world.operator)
    assert summary(world, "operator")["faulted"] == 1


def test_a_count_ends_at_its_bound_and_takes_two_statements(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("workitems.waiting", "workitems.finding.inbox_summary"):
        monkeypatch.setattr(f"{module}.COUNTED", 2)
    for _ in range(3):
        states.compensate(states.completed(world.analyst), world.operator)
    with CaptureQueriesContext(connection) as captured:
        found = summary(world, "analyst")
    assert (found["mine"], found["compensating"]) == (2, 2)
    about = [each["sql"] for each in captured.captured_queries]
    assert len([sql for sql in about if "workitems_workitem" in sql]) == 2
