"""Rows are given value by value or as one document: what is stored is the same, and so is what is
refused."""

from __future__ import annotations

import dataclasses
import functools
import uuid
from typing import Any

import pytest
from django.db import DatabaseError, DataError, transaction

from ledger import row_writes
from ledger.row_writes import MOST_ROWS, RowWrite, write
from ledger.tenancy import set_tenant, tenant_scope
from tests.lanes import statements
from tests.states import new_item, work
from tests.verifying import verify
from tests.world import World
from verbs import saving
from workitems.models import CandidateGroup, WorkItem

BOTH = pytest.mark.parametrize("most", [MOST_ROWS, 0], ids=["values", "document"])
#: What may go wrong on the way: quotes, backslashes, signs of formats, order, numbers, nothing.
CONTENT: dict[str, Any] = {
    "z": 'a "quoted" \\ {word}, %s %(x)s', "a": [1, -0.5, 1e-7, 2**53, True, None, []],
    "ä": {"nested": {"emoji": "🗂", "line": "one\ntwo\tthree"}}, "": "",
}  # fmt: skip
SCHEMA = {"type": "object", "required": ["sum"], "properties": {"sum": {"type": "number"}}}
_OF_ITS_OWN = {
    "_state", "id", "created_at", "started_at", "completed_at", "ended_at", "due_at",
    "owner_id",
}  # fmt: skip


def stored(item_id: uuid.UUID, world: World) -> dict[str, Any]:
    with tenant_scope(world.operator.tenant_id):
        found = vars(WorkItem.objects.get(id=item_id))
        found["groups"] = sorted(
            CandidateGroup.objects.filter(work_item_id=item_id).values_list("name", flat=True)
        )
    return {name: value for name, value in found.items() if name not in _OF_ITS_OWN}


def made(world: World) -> dict[str, Any]:
    item = new_item(
        world.operator, title="Check 'it' \\ \"all\" % ü", payload=CONTENT, priority="HIGH",
        resolution_schema=SCHEMA, candidate_groups=["analysts", "surveyors"],
    )  # fmt: skip
    work(world.analyst, item.id, None, resolution={"sum": 0.1})
    return stored(item.id, world)


def test_both_store_the_same(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    by_values = made(world)
    monkeypatch.setattr(row_writes, "MOST_ROWS", 0)
    as_document = made(world)
    assert by_values == as_document
    assert by_values["payload"] == CONTENT
    assert list(by_values["resolution_schema"]) == ["type", "required", "properties"]
    assert (by_values["resolution"], by_values["status"]) == ({"sum": 0.1}, "COMPLETED")
    assert by_values["groups"] == ["analysts", "surveyors"]
    verify()


def test_many_rows_are_a_document_and_few_are_values(world: World) -> None:
    asked = {}
    for number in (MOST_ROWS, MOST_ROWS + 1):
        names = [f"group-{each}" for each in range(number)]
        opened = functools.partial(new_item, world.operator, candidate_groups=names)
        sent = statements(opened)
        (asked[number],) = (
            text for text in sent if 'INSERT INTO "workitems_candidategroup"' in text
        )
    assert "jsonb_to_recordset" not in asked[MOST_ROWS]
    assert "jsonb_to_recordset" in asked[MOST_ROWS + 1]


def written(world: World, *rows: RowWrite) -> None:
    """Write rows by one statement, and commit."""
    with transaction.atomic():
        set_tenant(world.operator.tenant_id)
        write(rows, {})


@BOTH
def test_a_row_that_is_not_there_is_an_error_and_nothing_is_written(
    world: World, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    monkeypatch.setattr(row_writes, "MOST_ROWS", most)
    item = new_item(world.operator)
    there, missing = (WorkItem(id=id_, priority=3) for id_ in (item.id, uuid.uuid4()))
    rows = [saving.update(row, ["priority"]) for row in (there, missing)]
    with pytest.raises(DatabaseError) as caught:
        written(world, *rows)
    assert getattr(caught.value.__cause__, "sqlstate", None) == "AM002"
    assert "of 2 rows to be saved only 1 were there" in str(caught.value)
    assert stored(item.id, world)["priority"] == item.priority != 3


@BOTH
@pytest.mark.parametrize("title", ["a\0b", "a\ud800b"], ids=["nul", "surrogate"])
def test_what_is_no_text_of_the_database_is_refused_by_it(
    world: World, monkeypatch: pytest.MonkeyPatch, most: int, title: str
) -> None:
    monkeypatch.setattr(row_writes, "MOST_ROWS", most)
    item = new_item(world.operator)
    write_ = saving.update(item, ["title"])
    row = dataclasses.replace(write_, rows=[{"title": title, "id": item.id}])
    with pytest.raises(DataError):
        written(world, row)
    assert stored(item.id, world)["title"] == item.title
