"""What a work item is not opened with: the refusal names the member and the rule."""

from __future__ import annotations

from typing import Any

import pytest

from ledger.tenancy import tenant_scope
from tests.clients import api
from tests.states import completed
from tests.world import World
from workitems.models import WorkItem

PLACE = "/api/v1/work-items"


@pytest.mark.parametrize(
    ("member", "value", "pointer", "code"),
    [
        ("due_at", "0001-01-01T00:00:00+14:00", "/due_at", "overflow"),
        ("due_at", "9999-12-31T23:59:59-14:00", "/due_at", "overflow"),
        ("due_at", "1900-01-01T00:30:00+01:00", "/due_at", "overflow"),
        ("assignee", "", "/assignee", "blank"),
        ("assignee", "  ", "/assignee", "blank"),
        ("candidate_users", [""], "/candidate_users/0", "blank"),
        ("reversibility", "", "/reversibility", "blank"),
        ("assignee", "nobody", "/assignee", "unknown"),
        ("candidate_users", ["nobody"], "/candidate_users/0", "unknown"),
        ("candidate_groups", ["a\tb"], "/candidate_groups/0", "control_character"),
        ("permitted_outcomes", ["A", " A "], "/permitted_outcomes/1", "invalid"),
    ],
    ids=[
        "before-any-calendar", "after-it", "too-early", "nobody", "spaces", "no-name", "no-word",
        "unknown-person", "unknown-candidate", "tab-inside", "twice-but-for-blanks",
    ],
)  # fmt: skip
def test_nothing_is_opened(world: World, member: str, value: Any, pointer: str, code: str) -> None:
    answer = api(world.operator).post(
        PLACE, {"title": "x", member: value}, content_type="application/json"
    )
    assert answer.status_code == 422, answer.content
    errors = answer.json()["errors"]
    assert [(each["pointer"], each["code"]) for each in errors] == [(pointer, code)]
    with tenant_scope(world.operator.tenant_id):
        assert WorkItem.objects.count() == 0


def test_blanks_around_names_are_none_of_them(world: World) -> None:
    """Kept, they would offer the item to a group that nobody is in."""
    said = {"candidate_groups": [" analysts\n"], "permitted_outcomes": ["\tDONE "]}
    answer = api(world.operator).post(
        PLACE, {"title": "x", **said}, content_type="application/json"
    )
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["candidate_groups"], body["permitted_outcomes"]) == (["analysts"], ["DONE"])
    taken = api(world.analyst).post(
        f"{PLACE}/{body['id']}/claim", {}, content_type="application/json"
    )
    assert taken.status_code == 200, taken.content


def test_nobody_of_that_name_undoes_it(world: World) -> None:
    item = completed(world.analyst)
    answer = api(world.operator).post(
        f"{PLACE}/{item.id}/compensate", {"reason": "x", "assignee": "nobody"},
        content_type="application/json",
    )  # fmt: skip
    assert (answer.status_code, answer.json()["code"]) == (422, "unknown")
    with tenant_scope(world.operator.tenant_id):
        assert WorkItem.objects.get(id=item.id).status == "COMPLETED"
