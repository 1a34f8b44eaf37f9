"""What an erasure leaves of work can be undone: no plan leaves it out as `erased`."""

from __future__ import annotations

from typing import Any

import pytest

from compensation.actions.plan_execution import execute
from compensation.models import CompensationPlan
from executions import capability_registry
from executions.actions import request_execution
from executions.capability_registry import Failed, Invocation, Result, capability
from ledger.tenancy import tenant_scope
from tests import states
from tests.bank import stored
from tests.casework import preview, run_row, steps
from tests.draining import drain
from tests.erasing import one_more
from tests.integration.test_erased_everywhere import erased
from tests.world import World
from verbs.call import Call
from workitems.models import WorkItem


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What a program that undoes was told. It knows nobody whose token it is told."""
    known = dict(capability_registry._capabilities)  # noqa: SLF001  -- there is no way back
    monkeypatch.setattr(capability_registry, "_capabilities", known)
    heard: list[Any] = []

    def uninvite(call: Invocation) -> Result:
        heard.append(call.input)
        if call.input["needs_name"] and not call.input["guest"].startswith("leaver-"):
            raise Failed("nobody is called that")
        return Result({})

    capability("test.uninvite")(uninvite)
    capability("test.invite", undone_by="test.uninvite")(lambda _call: Result({"seat": 7}))
    return heard


def planned(world: World, type_: str, row: Any) -> CompensationPlan:
    """Return a plan about a piece of work, of which nothing is left out."""
    plan = preview((type_, row.id), call=Call(world.operator), reason="Wrong")
    assert (len(plan.content["steps"]), plan.content["excluded"]) == (1, [])
    return plan


@pytest.mark.parametrize("needs_name", [False, True])
def test_a_program_undoes_it_with_the_token_or_fails_and_people_decide(
    world: World, told: list[Any], *, needs_name: bool
) -> None:
    guest = one_more(world)
    given = {"guest": guest.username, "seat": 7, "needs_name": needs_name}
    made = request_execution(call=Call(world.operator), capability="test.invite", input=given)
    drain(fast_forward=True)
    assert stored(world, made.id).input == given
    erased(world, guest)
    token = str(guest.actor_id)
    plan = planned(world, "execution", made)
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    drain(fast_forward=True)
    assert told[0] == {**given, "guest": token}
    assert all(each == told[0] for each in told), "tried again, with the same"
    ended = ("FAULTED", "COMPENSATION_FAULTED") if needs_name else ("COMPLETED", "COMPENSATED")
    assert (run_row(world, run.id).status, stored(world, made.id).status) == ended
    if needs_name:
        [step] = steps(world, run.id)
        assert (step.status, "nobody is called that" in step.error) == ("FAILED", True)


def test_a_person_undoes_it_with_what_is_left_of_it(world: World) -> None:
    guest = one_more(world)
    item = states.completed(
        world.analyst, payload={"guest": guest.username, "seat": 7}, resolution={"for": "lunch"}
    )
    drain()
    erased(world, guest)
    plan = planned(world, "work_item", item)
    run = execute(plan.id, call=Call(world.operator, digest=plan.digest))
    drain()
    with tenant_scope(world.operator.tenant_id):
        task = WorkItem.objects.get(compensates_id=item.id)
    token = str(guest.actor_id)
    assert (task.payload["guest"], task.payload["seat"]) == (token, 7)
    states.undo(task.id, world.analyst)
    drain()
    assert (run_row(world, run.id).status, states.stored(world, item.id).status) == (
        "COMPLETED", "COMPENSATED",
    )  # fmt: skip
