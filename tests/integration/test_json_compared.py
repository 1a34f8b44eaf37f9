"""JSON values are compared as JSON wherever one could replace another; and who wrote a key."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from compensation.actions.plan_execution import execute
from ledger.tenancy import tenant_scope
from tests.casework import case_row, deploy, finish, opened, plan_for, plan_items, undo
from tests.clients import api
from tests.definitions import definition, human
from tests.draining import drain
from tests.world import World
from verbs.call import Call
from workitems.models import WorkItem

PLACE = "/api/v1/work-items"


def states(name: str, mapping: str, **more: Any) -> dict[str, Any]:
    """A task whose result is `mapping`; it fires once the one before is done."""
    return human(name, humanTask={"title": name, "outputMapping": mapping}, **more)


@pytest.mark.parametrize(
    ("before", "mapping", "after"),
    [(1, "true", True), (True, "1", 1), (0, "false", False), ([1], "[true]", [True])],
)
def test_a_step_that_states_another_kind_of_value_changes_it(
    world: World, before: Any, mapping: str, after: Any
) -> None:
    deploy(world, definition("kinds", states("a", f"{{n: {mapping}, a: 1}}")))
    case_id = opened(world, "tests/kinds", {"n": before})
    finish(world.analyst, case_id, "a", None)
    assert json.dumps(case_row(world, case_id).context["n"]) == json.dumps(after)


def test_what_a_step_states_it_wrote(world: World) -> None:
    deploy(world, definition("stated", states("a", "{n: 1, a: 1}")))
    case_id = opened(world, "tests/stated", {"n": 1})
    finish(world.analyst, case_id, "a", None)
    assert plan_items(world, case_id)["a"].written == ["a", "n"]
    shown = api(world.operator).get(f"/api/v1/cases/{case_id}/plan-items").json()
    assert [each["written"] for each in shown["results"]] == [["a", "n"]]


def _undone(world: World, case_id: uuid.UUID, step: str) -> list[str]:
    """Undo one step alone and return what is no longer valid."""
    scope = {"kind": "steps", "steps": [step], "only_this": True}
    plan = plan_for(world, case_id, scope=scope)
    execute(plan.id, call=Call(world.operator, digest=plan.digest), resume_after=False)
    drain()
    undo(world.analyst, case_id)
    invalidated: list[str] = case_row(world, case_id).invalidated
    return invalidated


def _stated_twice(world: World) -> uuid.UUID:
    """A case whose two steps both state `n: 1`."""
    first = states("a", "{n: 1, a: 1}")
    second = states("b", "{n: 1, b: 1}", when=".a != null and .b == null")
    deploy(world, definition("twice", first, second))
    case_id = opened(world, "tests/twice")
    finish(world.analyst, case_id, "a", None)
    finish(world.analyst, case_id, "b", None)
    return case_id


def test_a_key_stated_again_goes_with_the_step_that_stated_it_last(world: World) -> None:
    assert _undone(world, _stated_twice(world), "b") == ["b", "n"]


def test_a_key_stays_valid_while_a_later_step_stands_by_it(world: World) -> None:
    case_id = _stated_twice(world)
    assert _undone(world, case_id, "a") == ["a"]
    assert _undone(world, case_id, "b") == ["a", "b", "n"]


def test_an_edit_is_compared_as_json(world: World) -> None:
    client = api(world.operator)
    made = client.post(
        PLACE, {"title": "x", "payload": {"ok": 1}}, content_type="application/json"
    ).json()
    place = f"{PLACE}/{made['id']}"
    changed = client.patch(place, {"payload": {"ok": True}}, content_type="application/json")
    assert (changed.json()["payload"], changed.json()["version"]) == ({"ok": True}, 2)
    again = client.patch(place, {"payload": {"ok": True}}, content_type="application/json")
    assert again.json()["version"] == 2
    with tenant_scope(world.operator.tenant_id):
        assert WorkItem.objects.get(id=made["id"]).payload["ok"] is True


def _sent(world: World, key: str, payload: str) -> int:
    body = f'{{"title": "x", "payload": {payload}}}'
    answer = api(world.operator).post(
        PLACE, body, content_type="application/json", headers={"Idempotency-Key": key}
    )
    return answer.status_code


def test_a_body_of_the_same_json_is_the_same_request(world: World) -> None:
    assert _sent(world, "k", '{"a": 1, "b": 2}') == 201
    assert _sent(world, "k", '{"b": 2.0, "a": 1}') == 201
    assert _sent(world, "k", '{"a": true, "b": 2}') == 422
    with tenant_scope(world.operator.tenant_id):
        assert WorkItem.objects.count() == 1
