"""What an entry of the ledger keeps is shown on its page as everywhere else: values as their schema
declares them, in the author's order, words for constants, titles for steps, and no identifiers."""

from __future__ import annotations

import re
import uuid

import pytest

from ledger.models import LedgerEntry
from ledger.tenancy import tenant_scope
from tests.casework import approved_loan, plan_items, roll_back, undo
from tests.clients import browser
from tests.integration.workitems_made import opened, page, stored, undo_task
from tests.pages import text_of
from tests.world import World
from verbs.call import Call
from verbs.catalogue import find
from workitems import actions

pytestmark = pytest.mark.django_db(transaction=True)
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_CONTENT = re.compile(r"<h3>Content</h3>(.*?)</section>", re.DOTALL)


def content(world: World, subject: str, id_: uuid.UUID, action: str) -> str:
    """Return what the page of the newest such entry shows of its content; "" for nothing."""
    with tenant_scope(world.auditor.tenant_id):
        rows = LedgerEntry.objects.filter(subject_type=subject, subject_id=id_, action=action)
        entry = rows.latest("subject_seq").id
    found = _CONTENT.search(page(browser(world.auditor), f"/ledger/entries/{entry}/"))
    text = "" if found is None else text_of(found[1].encode())
    assert UUID.search(text) is None
    return text


def test_values_are_shown_as_their_schema_declares_them(world: World) -> None:
    case_id = approved_loan(world)
    assert "Amount 250.00 EUR" in content(world, "case", case_id, "opened")
    known = content(world, "case", case_id, "context_changed")
    assert known.startswith("Step Disbursement What became known")
    valuation = plan_items(world, case_id)["valuation"].work[1]
    assert "Value 2,500.00 EUR" in content(world, "work_item", valuation, "completed")


def test_a_step_of_a_rollback_is_told_by_what_it_undoes(world: World) -> None:
    case_id = approved_loan(world)
    run = roll_back(world, case_id)
    undo(world.underwriter, case_id)
    with tenant_scope(world.auditor.tenant_id):
        rows = LedgerEntry.objects.filter(subject_id=run.id, action="compensation_step_completed")
        entry = rows.latest("subject_seq")
    text = text_of(page(browser(world.auditor), f"/ledger/entries/{entry.id}/").encode())
    assert "Undo of Approve the loan done Entry" in text
    assert f"Entry {entry.subject_seq} about Rollback of Loan approval" in text
    assert "Step of" not in text
    assert "By Amends As part" in text


def test_constants_are_words_and_identifiers_are_left_out(world: World) -> None:
    item, other = opened(world, assignee=world.analyst.username), opened(world, title="The other")
    call = Call(world.operator)
    find("work_item", "relate")(
        item.id, call=call, type="BLOCKS", target={"type": "work_item", "id": str(other.id)}
    )
    text = content(world, "work_item", item.id, "relation_added")
    assert text == "How they are related Blocks The other The other"
    find("work_item", "note")(item.id, call=call, text="Called twice")
    assert content(world, "work_item", item.id, "note_added") == "Text Called twice"
    actions.start(item.id, call=Call(world.analyst))
    find("work_item", "progress")(
        item.id, call=Call(world.analyst), dimension="forward", shape="count",
        value={"done": 1, "total": 4},
    )  # fmt: skip
    text = content(world, "work_item", item.id, "progress_reported")
    assert text == "Of what the work How far 1 of 4 done"


def test_a_change_is_told_by_its_two_sides(world: World) -> None:
    item = opened(world)
    find("work_item", "edit")(item.id, call=Call(world.operator), title="Look", priority="URGENT")
    text = content(world, "work_item", item.id, "edited")
    assert "Title Before Check the payslip After Look" in text
    assert "Priority Before Medium After Urgent" in text


def test_an_undo_and_its_people_and_outcomes(world: World) -> None:
    task = undo_task(world)
    assert task.compensates_id is not None
    text = content(world, "work_item", task.compensates_id, "completed")
    assert text.startswith("Outcome Approved Result")
    actions.assign(task.id, call=Call(world.operator), assignee=world.surveyor.username)
    text = content(world, "work_item", task.id, "assigned")
    assert f"Whom it was given to {world.surveyor.username}" in text
    assert f"Who had it before {world.analyst.username}" in text
    assert stored(world, task.id).assignee_id == world.surveyor.actor_id


def test_a_refusal_says_what_was_said_and_no_code(world: World) -> None:
    item = opened(world, candidate_groups=["surveyors"])
    with pytest.raises(Exception, match="meant for others"):
        actions.claim(item.id, call=Call(world.analyst))
    text = content(world, "work_item", item.id, "claim_refused")
    assert text == "What was said it is meant for others"
