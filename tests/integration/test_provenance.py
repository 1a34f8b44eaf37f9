"""The provenance of a case, of a rollback and of one piece, as W3C PROV that others can read."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from prov.constants import (
    PROV_ACTIVITY,
    PROV_ASSOCIATION,
    PROV_COMMUNICATION,
    PROV_DELEGATION,
    PROV_DERIVATION,
    PROV_GENERATION,
    PROV_INVALIDATION,
    PROV_USAGE,
)
from prov.model import ProvDocument

from audit.provenance import entries_around
from audit.provenance.prov_formats import provenance_of
from compensation.actions.step_verbs import abandon_step
from config.demo.transfers import open_accounts
from executions.models import Execution
from ledger.errors import Conflict, NotFound
from ledger.ids import new_id
from ledger.tenancy import tenant_scope
from tests import states
from tests.batching import FAILS, asked, calls_now, transfer
from tests.casework import (
    REASON,
    approved_loan,
    deploy,
    finish,
    open_undo,
    opened,
    plan_items,
    roll_back,
    run_row,
    undo,
)
from tests.clients import api, browser
from tests.definitions import definition, human
from tests.draining import drain
from tests.provenance_read import document_of, only, relations, said, wrong_sides
from tests.world import World
from verbs.call import Call

FORMATS = {"json": "json", "n": "provn", "jsonld": "jsonld"}


def rolled_back(world: World) -> tuple[uuid.UUID, uuid.UUID]:
    """A loan, all four steps done, and all undone; and the run that did it."""
    case_id = approved_loan(world)
    run = roll_back(world, case_id)
    drain()
    for who in (world.underwriter, world.surveyor, world.compliance):
        undo(who, case_id)
    assert run_row(world, run.id).status == "COMPLETED"
    return case_id, run.id


def targets(world: World, case_id: uuid.UUID) -> dict[str, uuid.UUID]:
    """Return one piece of a case of each kind."""
    rows = plan_items(world, case_id).values()
    return {row.type: row.target_id for row in rows if row.target_id is not None}


def activity(document: ProvDocument, name: str) -> Any:
    """Return one activity by its name."""
    (found,) = (
        each
        for each in document.get_records()
        if each.get_type() == PROV_ACTIVITY and str(each.identifier) == name
    )
    return found


def made(document: ProvDocument) -> dict[str, str]:
    """Return which activity generated each outcome."""
    return dict(relations(document, PROV_GENERATION))


def test_each_format_is_read_back_by_prov_to_the_same_graph(world: World) -> None:
    case_id, _run_id = rolled_back(world)
    document = document_of(world.operator, "case", case_id)
    assert wrong_sides(document) == []
    for asked_for, serializer in FORMATS.items():
        answer = api(world.analyst).get(f"/api/v1/cases/{case_id}/provenance?format={asked_for}")
        assert answer.status_code == 200, answer.content
        read = ProvDocument.deserialize(content=answer.content.decode(), format=serializer)
        assert read == document, asked_for
        assert wrong_sides(read) == [], asked_for


def test_a_rolled_back_case_says_what_undid_what_and_because_of_what(world: World) -> None:
    case_id, run_id = rolled_back(world)
    document = document_of(world.operator, "case", case_id)
    done = {name: f"{row.type}:{row.target_id}" for name, row in plan_items(world, case_id).items()}
    with tenant_scope(world.operator.tenant_id):
        row = Execution.objects.get(undoes_id__isnull=False, case_id=case_id)
    by = made(document)
    undone = {by[outcome]: what for outcome, what in relations(document, PROV_INVALIDATION)}
    case, run = f"case:{case_id}", f"compensation_run:{run_id}"
    assert set(undone) == {*done.values(), case}
    assert undone[case] == run
    assert undone[done["disbursement"]] == f"execution:{row.id}"
    # What undid something used its outcome; it was informed by the original and by the rollback.
    assert {(what, by[outcome]) for what, outcome in relations(document, PROV_USAGE)} == {
        (undone[each], each) for each in done.values()
    }
    informed = relations(document, PROV_COMMUNICATION)
    for each in done.values():
        assert {why for what, why in informed if what == undone[each]} == {each, run}
    assert {why for what, why in informed if what == done["credit-check"]} == {case}
    assert {why for what, why in informed if what == done["valuation"]} == {done["credit-check"]}
    # Amends undid in the name of whom asked for it; people did in their own.
    operator, system = f"actor:{world.operator.actor_id}", f"actor:{world.system.actor_id}"
    assert set(relations(document, PROV_DELEGATION)) == {(system, operator)}
    who = relations(document, PROV_ASSOCIATION)
    assert (done["approval"], f"actor:{world.underwriter.actor_id}") in who
    assert (done["approval"], operator) not in who
    assert relations(document, PROV_DERIVATION) == []
    told = said(activity(document, run))
    assert told["reason"] == {REASON}
    assert told["regulatory_basis"] == {"INTERNAL_POLICY"}


@pytest.mark.parametrize("kind", ["compensation_run", "work_item", "execution"])
def test_a_part_tells_what_the_case_tells_of_it(world: World, kind: str) -> None:
    case_id, run_id = rolled_back(world)
    whole = document_of(world.operator, "case", case_id)
    rows = targets(world, case_id)
    part = document_of(world.operator, kind, run_id if kind == "compensation_run" else rows[kind])
    assert wrong_sides(part) == []
    of_whole, of_part = (relations(each, PROV_INVALIDATION) for each in (whole, part))
    assert set(of_part) <= set(of_whole)
    # A rollback tells of its four pieces; that the case itself is undone, its case tells.
    assert len(of_part) == (4 if kind == "compensation_run" else 1)


def test_a_batch_tells_of_its_calls(world: World) -> None:
    open_accounts(world.operator.tenant_id)
    batch = asked(world, transfer(1), FAILS)
    drain(fast_forward=True)
    document = document_of(world.operator, "batch", batch.id)
    first, second = (f"execution:{row.id}" for row in calls_now(world, batch.id))
    assert first in made(document).values()
    assert second not in made(document).values()
    assert activity(document, second) is not None
    assert wrong_sides(document) == []


def test_a_correction_is_a_revision_of_what_it_corrects(world: World) -> None:
    item = states.completed(world.operator)
    begun = states.compensate(item, world.operator, strategy="correct")
    states.undo(begun.attempt.compensation_id, world.operator, "CORRECTED")
    document = document_of(world.operator, "work_item", item.id)
    by, correction = made(document), f"work_item:{begun.attempt.compensation_id}"
    [(new, old)] = relations(document, PROV_DERIVATION)
    assert (by[new], by[old]) == (correction, f"work_item:{item.id}")
    assert (
        str(only(document, PROV_DERIVATION).get_asserted_types())
        == "{<QualifiedName: prov:Revision>}"
    )
    assert said(only(document, PROV_INVALIDATION))["strategy"] == {"correct"}
    # Its trigger is the request: nobody planned a rollback.
    request = next(why for what, why in relations(document, PROV_COMMUNICATION)
                   if what == correction and why.startswith("entry:"))  # fmt: skip
    assert said(activity(document, request))["reason"] == {states.REASON}


def test_what_is_given_up_invalidates_nothing(world: World) -> None:
    deploy(world, definition("one", human("a"), success=".a != null"))
    case_id = opened(world, "tests/one")
    item_id = finish(world.analyst, case_id, "a", None)
    run = roll_back(world, case_id)
    failed = open_undo(world.analyst, case_id).id
    undo(world.analyst, case_id, "CANNOT_REVERSE")
    abandon_step(run.id, 1, call=Call(world.operator), reason="It is too late")
    drain()
    document = document_of(world.operator, "work_item", item_id)
    assert relations(document, PROV_INVALIDATION) == []
    of_it = {
        what
        for what, why in relations(document, PROV_COMMUNICATION)
        if why == f"work_item:{item_id}"
    }
    [given_up] = of_it - {f"work_item:{failed}"}
    told = said(activity(document, given_up))
    assert (told["reason"], told["mode"]) == ({"It is too late"}, {"human"})
    assert (given_up, f"actor:{world.operator.actor_id}") in relations(document, PROV_ASSOCIATION)


def _cost(world: World, type_: str, id_: uuid.UUID) -> int:
    with tenant_scope(world.operator.tenant_id), CaptureQueriesContext(connection) as sent:
        provenance_of(world.operator.tenant_id, (type_, id_))
    return len(sent)


def test_it_takes_as_many_statements_whatever_there_is_to_tell(world: World) -> None:
    deploy(world, definition("one", human("a"), success=".a != null"))
    small = opened(world, "tests/one")
    item_id = finish(world.analyst, small, "a", None)
    run = roll_back(world, small)
    undo(world.analyst, small)
    large, large_run = rolled_back(world)
    rows = targets(world, large)
    assert _cost(world, "case", small) == _cost(world, "case", large) <= 4
    assert _cost(world, "compensation_run", run.id) == _cost(world, "compensation_run", large_run)
    assert _cost(world, "compensation_run", large_run) <= 9
    assert _cost(world, "work_item", item_id) == _cost(world, "work_item", rows["work_item"]) <= 9


def test_nobody_elses_and_nothing_unknown_is_told(world: World) -> None:
    item = states.completed(world.operator)
    for who, id_ in ((world.outsider, item.id), (world.operator, new_id())):
        answer = api(who).get(f"/api/v1/work-items/{id_}/provenance")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
        with pytest.raises(NotFound):
            document_of(who, "work_item", id_)
    # A thing of another kind with this id is not there either.
    assert api(world.operator).get(f"/api/v1/cases/{item.id}/provenance").status_code == 404


def test_an_unknown_format_is_named(world: World) -> None:
    item = states.completed(world.operator)
    answer = api(world.operator).get(f"/api/v1/work-items/{item.id}/provenance?format=xml")
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == ["format"]


def test_more_than_a_document_holds_is_refused(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = states.completed(world.operator)
    monkeypatch.setattr(entries_around, "MOST_ENTRIES", 2)
    with pytest.raises(Conflict) as refused:
        document_of(world.operator, "work_item", item.id)
    assert refused.value.code == "too_much"


def test_the_ledger_page_of_a_thing_leads_to_its_document_in_each_format(world: World) -> None:
    item = states.completed(world.operator)
    page = browser(world.bystander).get(f"/ledger/subjects/work_item/{item.id}/").content.decode()
    for asked_for in FORMATS:
        address = f"/api/v1/work-items/{item.id}/provenance?format={asked_for}"
        assert f'href="{address}"' in page
        assert browser(world.bystander).get(address).status_code == 200
    of_a_person = browser(world.bystander).get(f"/ledger/subjects/actor/{world.analyst.actor_id}/")
    assert "provenance?format" not in of_a_person.content.decode()
