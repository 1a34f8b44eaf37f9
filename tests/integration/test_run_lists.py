"""A list of rollbacks costs the same for one and for fifty, and reads no plan."""

from __future__ import annotations

import pytest

from compensation.actions.plan_execution import execute
from ledger.tenancy import tenant_scope
from tests import states
from tests.casework import preview
from tests.clients import api, browser
from tests.draining import drain
from tests.lanes import statements
from tests.world import World
from verbs.call import Call
from workitems.models import WorkItem

MANY = 50


def runs(world: World, number: int, outcome: str) -> None:
    """Start runs of one step each; each waits for a person, or ends with `outcome`."""
    by = world.operator
    for _ in range(number):
        item = states.completed(by)
        plan = preview(("work_item", item.id), call=Call(by), reason="Wrong")
        execute(plan.id, call=Call(by, digest=plan.digest))
    drain()
    if outcome:
        with tenant_scope(by.tenant_id):
            open_ones = WorkItem.objects.filter(kind="COMPENSATION", status="ASSIGNED")
            tasks = list(open_ones.values_list("id", flat=True))
        for task in tasks:
            states.undo(task, by, outcome)
        drain()


@pytest.mark.parametrize("outcome", ["", "CANNOT_REVERSE"])
def test_the_lists_of_runs(world: World, outcome: str) -> None:
    client, page = api(world.operator), browser(world.operator)
    counts = []
    for number in (1, MANY - 1):
        runs(world, number, outcome)
        shown: list[int] = []

        def as_json(shown: list[int] = shown) -> None:
            answer = client.get("/api/v1/compensation-runs/?limit=200")
            assert answer.status_code == 200
            shown.append(len(answer.json()["results"]))

        def as_page() -> None:
            assert page.get("/compensation-runs/").status_code == 200

        as_json()
        as_page()
        sent = [statements(as_json), statements(as_page)]
        assert not any("compensation_compensationplan" in each for own in sent for each in own)
        counts.append([len(own) for own in sent])
    assert counts[0] == counts[1]
    assert shown == [MANY, MANY]
