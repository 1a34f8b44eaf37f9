"""Who may not take an item and tries: refused, and on record."""

from __future__ import annotations

import pytest

from ledger.errors import Conflict, NotFound, NotPermitted
from tests import states
from tests.clients import api
from tests.verifying import verify
from tests.world import World
from verbs.call import Call
from workitems import actions


def test_a_refused_claim_is_an_entry_and_changes_nothing(world: World) -> None:
    item = states.new_item(world.operator, candidate_groups=["analysts"])
    answer = api(world.bystander).post(
        f"/api/v1/work-items/{item.id}/claim", {}, content_type="application/json"
    )
    assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")
    [_created, entry] = states.history(world, "work_item", item.id)
    assert (entry.kind, entry.action, entry.actor_id, entry.subject_version) == (
        "REFUSAL", "claim_refused", world.bystander.actor_id, 1,
    )  # fmt: skip
    assert entry.payloads == {"code": "not_permitted", "detail": "it is meant for others"}
    after = states.stored(world, item.id)
    assert (after.status, after.version, after.assignee_id) == ("PENDING", 1, None)
    verify()


def test_so_is_that_of_somebody_excluded(world: World) -> None:
    done = states.completed(world.analyst, compensation={"performer": "not_original_actor"})
    begun = states.compensate(done, world.operator, candidate_groups=["analysts"])
    task = begun.attempt.compensation_id
    with pytest.raises(NotPermitted):
        actions.claim(task, call=Call(world.analyst))
    assert states.actions_of(world, "work_item", task) == ["created", "claim_refused"]


def test_what_was_taken_already_or_is_anothers_tenants_is_no_such_refusal(world: World) -> None:
    item = states.new_item(world.operator, assignee=world.analyst.username)
    with pytest.raises(Conflict):
        actions.claim(item.id, call=Call(world.analyst))
    with pytest.raises(NotFound):
        actions.claim(item.id, call=Call(world.outsider))
    assert states.actions_of(world, "work_item", item.id) == ["created"]
    assert states.actions_of(world.outsider, "work_item", item.id) == []
