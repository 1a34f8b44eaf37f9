"""A rollback that goes by the order that its definition declares."""

from __future__ import annotations

from compensation.models import CompensationStep
from ledger.tenancy import tenant_scope
from tests.casework import case_row, deploy, finish, open_undo, opened, plan_for, roll_back, undo
from tests.clients import browser
from tests.definitions import definition, human
from tests.world import World
from workitems.models import WorkItem


def test_a_run_undoes_first_what_says_so(world: World) -> None:
    steps = [
        human("a", compensationOrder=2), human("b"), human("c", compensationOrder=1),
        human("d", compensationOrder=2), human("e"),
    ]  # fmt: skip
    deploy(world, definition("order", *steps))
    case_id = opened(world, "tests/order")
    for name in "abcde":
        finish(world.analyst, case_id, name, "OK")
    wanted = ["c", "d", "a", "e", "b"]
    plan = plan_for(world, case_id)
    assert [step["original"]["name"] for step in plan.content["steps"]] == wanted
    page = browser(world.operator).get(f"/compensation-plans/{plan.id}/").content.decode()
    places = [page.find(f'<p class="step-name"><a href="{url}"') for url in _urls(world, plan)]
    assert places == sorted(places)
    assert -1 not in places
    run = roll_back(world, case_id)
    found = []
    for _ in wanted:
        task = open_undo(world.analyst, case_id)
        with tenant_scope(world.operator.tenant_id):
            assert task.compensates_id is not None
            found.append(WorkItem.objects.get(id=task.compensates_id).binding)
        undo(world.analyst, case_id)
    assert found == wanted
    assert case_row(world, case_id).status == "COMPENSATED"
    with tenant_scope(world.operator.tenant_id):
        rows = CompensationStep.objects.filter(run_id=run.id).order_by("n")
        assert [(row.original_name, row.undo_order) for row in rows] == [
            ("c", 1), ("d", 2), ("a", 2), ("e", None), ("b", None),
        ]  # fmt: skip


def _urls(world: World, plan: object) -> list[str]:
    content = vars(plan)["content"]
    return [f"/work-items/{step['original']['id']}/" for step in content["steps"]]
