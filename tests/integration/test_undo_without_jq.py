"""A person acts while no jq is to be had: told to try again, and nothing is changed."""

from __future__ import annotations

import uuid

import pytest

from json_values.jq.child_pool import Answer, EvaluatorError, JqPool
from tests import states
from tests.casework import deploy, finish, opened
from tests.clients import api, browser
from tests.definitions import definition, human
from tests.integration.foundation_calls import code
from tests.world import World


@pytest.fixture
def item_id(world: World) -> uuid.UUID:
    """A finished task, whose undo is told what jq, and nothing else, can make of the reason."""
    undo = {
        "name": "unlook",
        "compensation": True,
        "humanTask": {"title": "Unlook", "inputMapping": ".reason | {why: .}"},
    }
    deploy(world, definition("told", human("look", compensation=None, compensate="unlook"), undo))
    return finish(world.analyst, opened(world, "tests/told"), "look", "DONE")


@pytest.fixture
def no_jq(monkeypatch: pytest.MonkeyPatch, item_id: uuid.UUID) -> pytest.MonkeyPatch:
    """No child of jq can be started from here on, until it is undone."""

    def away(*_asked: object) -> list[Answer]:
        raise EvaluatorError("no child can be started")

    monkeypatch.setattr(JqPool, "answer", away)
    return monkeypatch


def test_an_api_call_is_503_with_retry_after_and_changes_nothing(
    world: World, item_id: uuid.UUID, no_jq: pytest.MonkeyPatch
) -> None:
    before = len(states.history(world, "work_item", item_id))
    client, url = api(world.operator), f"/api/v1/work-items/{item_id}/compensate"
    refused = client.post(url, {"reason": "forged"}, content_type="application/json")
    assert code(refused) == (503, "unavailable")
    assert refused.headers["Retry-After"] == "1"
    assert "try again" in refused.json()["detail"]
    assert states.stored(world, item_id).compensation_state == "NONE"
    assert len(states.history(world, "work_item", item_id)) == before
    no_jq.undo()
    assert client.post(url, {"reason": "forged"}, content_type="application/json").status_code in {
        200,
        201,
    }
    assert states.stored(world, item_id).compensation_state == "COMPENSATING"


def test_a_page_is_503_with_retry_after_too(
    world: World, item_id: uuid.UUID, no_jq: pytest.MonkeyPatch
) -> None:
    client = browser(world.operator)
    client.raise_request_exception = False
    refused = client.post(f"/work-items/{item_id}/compensate/", {"reason": "forged"})
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert states.stored(world, item_id).compensation_state == "NONE"
