"""The fields that an author names keep their order, from what was deployed to form and page."""

from __future__ import annotations

import pytest

from tests.casework import deploy, open_item, open_undo
from tests.casework import opened as case_opened
from tests.clients import api, browser
from tests.draining import drain
from tests.integration.workitems_made import opened, page, stored
from tests.states import work
from tests.world import World
from verbs.call import Call
from workitems import actions

pytestmark = pytest.mark.django_db(transaction=True)
ORDER = ["zone", "applicant", "b", "valuation_of_the_house", "a"]
SCHEMA = {
    "type": "object",
    "properties": {name: {"type": "string", "title": f"Title of {name}"} for name in ORDER},
}


def test_a_schema_is_kept_as_it_was_written(world: World) -> None:
    item = opened(world, assignee=world.analyst.username, resolution_schema=SCHEMA)
    assert list(stored(world, item.id).resolution_schema["properties"]) == ORDER
    said = api(world.analyst).get(f"/api/v1/work-items/{item.id}").json()["resolution_schema"]
    assert list(said["properties"]) == ORDER
    html = page(browser(world.analyst), f"/work-items/{item.id}/")
    places = [html.index(f'name="resolution.{name}"') for name in ORDER]
    assert places == sorted(places)


def test_a_definition_hands_it_on_to_the_task_and_to_every_attempt_at_its_undo(
    world: World,
) -> None:
    deploy(
        world,
        {
            "dsl": "0.1", "namespace": "tests", "name": "ordered", "version": "1.0.0",
            "title": "Ordered",
            "spec": {
                "goals": [{"name": "end", "kind": "success", "condition": ".never != null"}],
                "completion": {"success": {"allOf": ["end"]}},
                "bindings": [
                    {
                        "name": "look", "on": {"contextChange": {}}, "when": ".look == null",
                        "humanTask": {
                            "title": "Look", "candidateGroups": ["analysts"],
                            "resolutionSchema": SCHEMA, "outputMapping": "{look: .}",
                        },
                        "compensate": "unlook",
                    },
                    {
                        "name": "unlook", "compensation": True, "on": {"contextChange": {}},
                        "humanTask": {
                            "title": "Look again", "candidateGroups": ["analysts"],
                            "resolutionSchema": SCHEMA,
                        },
                    },
                ],
            },
        },
    )  # fmt: skip
    case_id = case_opened(world, "tests/ordered")
    item = open_item(world.analyst, case_id, "look")
    assert list(item.resolution_schema["properties"]) == ORDER
    work(world.analyst, item.id, None, {"a": "1"})
    drain()
    actions.compensate(item.id, call=Call(world.operator), reason="Wrong")
    first = open_undo(world.analyst, case_id)
    work(world.analyst, first.id, "CANNOT_REVERSE", {"a": "1"})
    actions.retry_compensation(item.id, call=Call(world.operator))
    second = open_undo(world.analyst, case_id)
    for task in (first, second):
        assert list(task.resolution_schema["properties"]) == ORDER
