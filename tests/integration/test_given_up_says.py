"""What was given up is no decision that waits, and is told on the word of who decided so."""

from __future__ import annotations

import uuid

import pytest

from compensation.actions.step_verbs import abandon_step
from ledger import selectors as entries
from ledger.tenancy import tenant_scope
from tests import states
from tests.casework import approved_loan, open_undo, plan_items, roll_back
from tests.clients import browser
from tests.draining import drain
from tests.pages import text_of
from tests.world import World
from verbs.call import Call
from workitems import actions

pytestmark = pytest.mark.django_db(transaction=True)
WHY = "The loss is accepted by the board"


def given_up(world: World) -> tuple[uuid.UUID, uuid.UUID]:
    """Return a case and its rollback, of which one step failed and was given up."""
    case_id = approved_loan(world)
    run = roll_back(world, case_id)
    task = open_undo(world.underwriter, case_id)
    actions.start(task.id, call=Call(world.underwriter))
    actions.complete(task.id, call=Call(world.underwriter), outcome="CANNOT_REVERSE", reason="Sent")
    drain()
    abandon_step(run.id, 2, call=Call(world.operator), reason=WHY)
    drain()
    return case_id, run.id


def test_it_stays_as_it_is_and_waits_for_nobody(world: World) -> None:
    case_id, run_id = given_up(world)
    client = browser(world.operator)
    for address in (f"/cases/{case_id}/", f"/compensation-runs/{run_id}/"):
        said = text_of(client.get(address).content)
        assert "1 of 4 steps undone. One stays as it is; one is under way" in said
        assert "waits for a decision" not in said
    progress = client.get(f"/api/v1/compensation-runs/{run_id}").json()["undo_progress"]
    assert progress == {"done": 1, "failed": 1, "waiting": 1, "remaining": 1, "total": 4}


def test_the_page_of_the_step_says_on_whose_word(world: World) -> None:
    _case_id, run_id = given_up(world)
    tried = text_of(browser(world.operator).get(f"/compensation-runs/{run_id}/steps/2/").content)
    told = tried.partition("What was tried")[2]
    assert f"Given up “{WHY}” {world.operator.username}" in told


def test_an_entry_says_in_words_how_an_undo_ended(world: World) -> None:
    case_id = approved_loan(world)
    run = roll_back(world, case_id)
    task = open_undo(world.underwriter, case_id)
    states.undo(task.id, world.underwriter, "CANNOT_REVERSE", reason="Sent")
    drain()
    with tenant_scope(world.system.tenant_id):
        rows = entries.entries_of(world.system.tenant_id, "compensation_run", run.id)
        failed = next(each for each in rows if each.action == "compensation_step_failed")
    said = text_of(browser(world.auditor).get(f"/ledger/entries/{failed.id}/").content)
    assert "CANNOT_REVERSE" not in said
    assert "Cannot be reversed: “Sent”" in said


def test_the_undo_of_one_step_is_called_as_people_call_the_step(world: World) -> None:
    case_id = approved_loan(world)
    item = states.stored(world, open_work(world, case_id))
    begun = states.compensate(item, world.operator, mode="human")
    task = states.stored(world, begun.attempt.compensation_id)
    assert task.title == f"Undo: {item.title}"


def open_work(world: World, case_id: uuid.UUID) -> uuid.UUID:
    """Return the first finished task of a case."""
    return plan_items(world, case_id)["credit-check"].work[1]
