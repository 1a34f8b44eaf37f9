"""What is accepted is usable at its bound: forward, back, and on every page that shows it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from cases.definitions.readers import MAX_LIST
from executions import capability_registry
from executions.capability_registry import Invocation, Result
from executions.models import Execution
from json_values.limits import CONTEXT_BYTES, MAX_DEPTH, MAX_VALUES, PAYLOAD_BYTES, size_of
from ledger.tenancy import tenant_scope
from tests.casework import (
    case_row,
    deploy,
    finish,
    open_undo,
    plan_items,
    roll_back,
    run_row,
    steps,
    undo,
)
from tests.clients import api, browser
from tests.definitions import automated, definition, human
from tests.draining import drain
from tests.states import work
from tests.world import World
from workitems.models import WorkItem
from workitems.undo_payload import NOTE

JSON: dict[str, Any] = {"content_type": "application/json"}
V1 = "/api/v1"


def text(size: int) -> dict[str, Any]:
    """An object of one long text; letters of two bytes, and quotes that are escaped."""
    room = size - size_of({"t": ""})
    return {"t": "é" * (room // 4) + '"' * (room // 4) + "x" * (room - room // 4 * 4)}


def empties(size: int) -> dict[str, Any]:
    """An object of one list of as many empty lists as there is room for, and as may be sent with
    what is around them: the worst to read."""
    return {"t": [[]] * min((size - size_of({"t": []}) + 1) // 3, MAX_VALUES - 10)}


def nested(depth: int) -> dict[str, Any]:
    """Objects inside objects, `depth` deep; keys that templates could take for methods."""
    value: dict[str, Any] = {"items": 1}
    for _ in range(depth - 1):
        value = {"items": value}
    return value


AT_BOUND: dict[str, Callable[[int], dict[str, Any]]] = {
    "text": text,
    "nested": lambda _size: nested(MAX_DEPTH),
}


@pytest.fixture(params=AT_BOUND, ids=list(AT_BOUND))
def full(request: pytest.FixtureRequest) -> Callable[[int], dict[str, Any]]:
    """How a value at its bound is made."""
    return AT_BOUND[request.param]


def shown(world: World, *places: str) -> None:
    """Every page of these is shown."""
    client = browser(world.operator)
    client.raise_request_exception = False
    assert {place: client.get(place).status_code for place in places} == dict.fromkeys(places, 200)


def started(world: World, name: str, context: dict[str, Any]) -> uuid.UUID:
    """Open a case over the API and let the engine go on."""
    body = {"definition": f"tests/{name}", "context": context}
    sent = api(world.operator).post(f"{V1}/cases", body, **JSON)
    assert sent.status_code == 201, sent.content[:500]
    drain()
    return uuid.UUID(sent.json()["id"])


def item_of(world: World, item_id: uuid.UUID) -> WorkItem:
    """Return a work item as it is now."""
    with tenant_scope(world.operator.tenant_id):
        return WorkItem.objects.get(id=item_id)


def test_a_bound_is_a_bound() -> None:
    assert PAYLOAD_BYTES - 3 < size_of(text(PAYLOAD_BYTES)) <= PAYLOAD_BYTES
    assert len(empties(PAYLOAD_BYTES)["t"]) == MAX_VALUES - 10


@pytest.mark.parametrize("make", [*AT_BOUND.values(), empties], ids=[*AT_BOUND, "empties"])
def test_a_task_forward_and_back(world: World, make: Callable[[int], dict[str, Any]]) -> None:
    client, value = api(world.operator), make(PAYLOAD_BYTES)
    body = {"title": "x" * 300, "payload": value, "assignee": world.analyst.username}
    item_id = client.post(f"{V1}/work-items", body, **JSON).json()["id"]
    work(world.analyst, uuid.UUID(item_id), "OK", value)
    why = {"reason": "x" * 4000}
    sent = client.post(f"{V1}/work-items/{item_id}/compensate", why, **JSON)
    assert sent.status_code == 201, sent.content[:500]
    task = item_of(world, uuid.UUID(sent.json()["compensation"]["id"]))
    assert task.payload == value
    shown(world, f"/work-items/{item_id}/", f"/work-items/{task.id}/", "/work-items/")
    work(world.analyst, task.id, "REVERSED", value)
    assert item_of(world, uuid.UUID(item_id)).status == "COMPENSATED"


def test_a_case_forward_and_back(world: World, full: Callable[[int], dict[str, Any]]) -> None:
    second = human("b", when=".a != null and .b == null")
    deploy(world, definition("full", human("a"), second, success=".b != null"))
    case_id = started(world, "full", full(CONTEXT_BYTES))
    value = full(PAYLOAD_BYTES)
    finish(world.analyst, case_id, "a", "OK", value)
    assert case_row(world, case_id).context["a"]["resolution"] == value
    finish(world.analyst, case_id, "b", "OK", {"small": 1})
    case = case_row(world, case_id)
    assert (case.status, case.fault) == ("COMPLETED", "")
    items = plan_items(world, case_id)
    shown(world, f"/cases/{case_id}/", *(f"/work-items/{it.target_id}/" for it in items.values()))
    run = roll_back(world, case_id)
    for _step in range(2):
        task = open_undo(world.analyst, case_id)
        assert size_of(task.payload) <= PAYLOAD_BYTES
        original = item_of(world, task.undoes_id or case_id)
        assert task.compensation is not None
        assert task.compensation["original_snapshot"]["payload"] == original.payload
        assert (NOTE in task.payload) is (size_of(original.payload) > PAYLOAD_BYTES)
        shown(world, f"/work-items/{task.id}/", f"/compensation-runs/{run.id}/")
        undo(world.analyst, case_id)
    assert run_row(world, run.id).status == "COMPLETED"
    assert case_row(world, case_id).status == "COMPENSATED"


def _undone_by(name: str, target: dict[str, Any]) -> list[dict[str, Any]]:
    """A step and the binding that undoes it and is told all of it, without a mapping."""
    back = {"name": f"{name}-back", "compensation": True, **target}
    return [human(name, compensation=None, compensate=f"{name}-back"), back]


def test_a_case_goes_on_with_the_worst_to_read(world: World) -> None:
    deploy(world, definition("worst", human("a"), success=".a != null"))
    case_id = started(world, "worst", empties(CONTEXT_BYTES))
    finish(world.analyst, case_id, "a", "OK", empties(PAYLOAD_BYTES))
    case = case_row(world, case_id)
    assert (case.status, case.fault) == ("COMPLETED", "")


def test_an_undo_binding_is_told_what_fits(
    world: World, full: Callable[[int], dict[str, Any]]
) -> None:
    target = {"humanTask": {"title": "Take it back"}}
    deploy(world, definition("told", *_undone_by("a", target)))
    case_id = started(world, "told", full(CONTEXT_BYTES))
    finish(world.analyst, case_id, "a", "OK", full(PAYLOAD_BYTES))
    run = roll_back(world, case_id)
    assert [step.error for step in steps(world, run.id)] == [""]
    task = open_undo(world.analyst, case_id)
    assert size_of(task.payload) <= PAYLOAD_BYTES
    assert task.payload["reason"] == run.reason
    assert task.payload["original"]["outcome"] == "OK"
    shown(world, f"/work-items/{task.id}/")
    undo(world.analyst, case_id)
    assert case_row(world, case_id).status == "COMPENSATED"


def test_the_program_of_an_undo_is_told_all(
    world: World, full: Callable[[int], dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Any] = []

    def handler(call: Invocation) -> Result:
        told.append(call.input)
        return Result(full(PAYLOAD_BYTES))

    known = dict(capability_registry._capabilities)  # noqa: SLF001  -- there is no way back
    monkeypatch.setattr(capability_registry, "_capabilities", known)
    capability_registry.capability("test.full", reversibility="compensable")(handler)
    there = automated("a", "test.full", "true", ".", compensate="a-back")
    back = {"name": "a-back", "compensation": True, "capability": "test.full"}
    deploy(world, definition("programs", there, back, success=".a != null"))
    context = full(CONTEXT_BYTES)
    case_id = started(world, "programs", context)
    case = case_row(world, case_id)
    assert (case.status, case.fault) == ("COMPLETED", "")
    run = roll_back(world, case_id)
    assert [step.error for step in steps(world, run.id)] == [""]
    assert (run_row(world, run.id).status, case_row(world, case_id).status) == (
        "COMPLETED", "COMPENSATED",
    )  # fmt: skip
    assert told[0] == context
    assert told[1]["original"]["input"] == context
    assert told[1]["original"]["output"] == full(PAYLOAD_BYTES)
    with tenant_scope(world.operator.tenant_id):
        assert Execution.objects.count() == 2
    shown(world, f"/cases/{case_id}/")


def test_as_many_groups_as_a_definition_may_name(world: World) -> None:
    others = [f"g{n:02}" + "x" * (MAX_LIST - 3) for n in range(1, MAX_LIST)]
    groups = ["analysts", *others]
    target = {"humanTask": {"title": "Take it back", "candidateGroups": groups}}
    deploy(world, definition("groups", *_undone_by("a", target)))
    case_id = started(world, "groups", {})
    finish(world.analyst, case_id, "a", None)
    run = roll_back(world, case_id)
    assert [step.error for step in steps(world, run.id)] == [""]
    with tenant_scope(world.operator.tenant_id):
        [task] = WorkItem.objects.filter(kind="COMPENSATION")
        assert task.candidate_groups.count() == MAX_LIST
