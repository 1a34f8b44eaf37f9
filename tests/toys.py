"""A kind of thing of the tests' own: boxes of toys, which `compensation` has never heard of.

A toy is one finished piece of work, a box the whole it belongs to. Their tables are made in the
test database by the owner, with the same walls and guards as ours.
"""

from __future__ import annotations

import datetime as dt
import os
import uuid
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import psycopg
import pytest
from django.db import connection, models, transaction
from django_fsm import FSMField
from django_fsm import transition as fsm
from typing_extensions import override

from accounts.acting import ActingUser, authority_of
from compensation.actions.previewing import declare_plan_verb
from compensation.api.shapes import PLAN_RESULT
from compensation.facts import undo_facts
from compensation.lifecycle import CompensationState
from compensation.locking import lock_rows
from compensation.planning import Part
from compensation.policy import CompensationPolicy
from compensation.subject import Cause, Standing, UndoableSubject, WholeSubject, part_of, read_rows
from compensation.undoable_rows import UndoableRow, undo_methods
from compensation.words import UNDO_ACTIONS
from ledger import sql, vocabulary
from ledger.clock import now
from ledger.ids import new_id
from ledger.tenancy import set_tenant
from verbs import catalogue, subject
from verbs.move import insert, move
from verbs.subject import Description

S = CompensationState


class Box(models.Model):
    """What toys lie in."""

    subject_type: ClassVar[str] = "toy_box"
    objects: ClassVar[models.Manager[Any]] = models.Manager()

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant_id = models.UUIDField()
    version = models.IntegerField(default=1)
    status = FSMField(default="FULL", protected=True)

    class Meta:
        app_label = "toys"
        db_table = "toys_box"

    @override
    def __str__(self) -> str:
        return "The box"

    @fsm(field=status, source="FULL", target="EMPTYING")
    def empty(self) -> None:
        """A rollback begins."""

    @fsm(field=status, source="EMPTYING", target="EMPTY")
    def settle(self) -> None:
        """Everything is undone."""


class Toy(UndoableRow):
    """One finished piece of work."""

    subject_type: ClassVar[str] = "toy"
    objects: ClassVar[models.Manager[Any]] = models.Manager()

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant_id = models.UUIDField()
    version = models.IntegerField(default=1)
    status = FSMField(default="DONE", protected=True)
    name = models.TextField()
    box_id = models.UUIDField()
    done_by = models.UUIDField()
    done_at = models.DateTimeField()

    (
        compensate,
        settle_compensated,
        settle_faulted,
        retry_compensation,
        attest,
        abandon,
        withdraw,
    ) = undo_methods("DONE")

    class Meta:
        app_label = "toys"
        db_table = "toys_toy"

    @override
    def __str__(self) -> str:
        return self.name


def _toy_envelope(toy: Toy, _action: str) -> dict[str, Any]:
    # The lane and the timeline of a piece are those of its whole.
    return {"case_id": toy.box_id, "completion_seq": toy.completion_seq}


def _describe_toys(
    _tenant_id: uuid.UUID, ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, Description]:
    return {
        toy.id: Description(toy.name, status=str(toy.status))
        for toy in Toy.objects.filter(id__in=list(ids))
    }


def _describe_boxes(
    _tenant_id: uuid.UUID, ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, Description]:
    return {
        box.id: Description("The box", status=str(box.status))
        for box in Box.objects.filter(id__in=list(ids))
    }


def _snapshot(toy: Toy) -> dict[str, Any]:
    return {"name": toy.name}


def _name(toy: Toy) -> str:
    return toy.name


def _done_at(toy: Toy) -> dt.datetime:
    return toy.done_at


def _toys_of(box: Box) -> list[tuple[str, uuid.UUID]]:
    ids = Toy.objects.filter(box_id=box.id).values_list("id", flat=True)
    return [("toy", id_) for id_ in ids]


def _parts(box: Box, *, lock: bool) -> list[Part]:
    rows = (lock_rows if lock else read_rows)(box.tenant_id, _toys_of(box))
    return [part_of(toy, CompensationPolicy(), name=toy.name) for toy in rows.values()]


def _part(_box: Box, toy: Toy) -> Part:
    return part_of(toy, CompensationPolicy(), name=toy.name)


def _started(box: Box, _run: Any, _rows: Any, *, cause: Cause) -> None:
    before = str(box.status)
    box.empty()
    move(
        box,
        "rollback_started",
        before=before,
        by=cause.by,
        caused_by=cause.entry,
        moves=cause.moves,
    )


def _ended(box: Box, _run: Any, *, partial: bool, bare: bool, cause: Cause) -> None:
    assert not partial
    before = str(box.status)
    box.settle()
    move(
        box,
        "rollback_settled",
        before=before,
        by=cause.by,
        caused_by=cause.entry,
        moves=cause.moves,
    )


def _standings(_tenant_id: uuid.UUID, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Standing]:
    return {id_: Standing() for id_ in ids}


def _root(box: Box) -> uuid.UUID:
    return box.id


def _not_barred(_box: Box) -> None:
    return None


def _box_envelope(box: Box, _action: str) -> dict[str, Any]:
    return {"case_id": box.id}


TOY = UndoableSubject(
    subject_type="toy",
    model=Toy,
    rank=5,
    route="toys/<uuid:id>",
    finished="made",
    settled="DONE",
    describe=_describe_toys,
    facts=undo_facts,
    envelope=_toy_envelope,
    name=_name,
    snapshot=_snapshot,
    task_input=_snapshot,
    finisher="done_by",
    finished_at=_done_at,
    results={"compensation-plan": PLAN_RESULT},
)
BOX = WholeSubject(
    undone_in_part="",
    subject_type="toy_box",
    model=Box,
    route="toy-boxes/<uuid:id>",
    describe=_describe_boxes,
    envelope=_box_envelope,
    column="box_id",
    rollback_from=frozenset({"FULL"}),
    root=_root,
    standings=_standings,
    barred=_not_barred,
    parts=_parts,
    part=_part,
    started=_started,
    ended=_ended,
    results={"compensation-plan": PLAN_RESULT},
)
_TABLES = """
CREATE TABLE toys_box (
    id uuid PRIMARY KEY, tenant_id uuid NOT NULL, version int NOT NULL, status text NOT NULL);
CREATE TABLE toys_toy (
    id uuid PRIMARY KEY, tenant_id uuid NOT NULL, version int NOT NULL, status text NOT NULL,
    name text NOT NULL, box_id uuid NOT NULL, done_by uuid NOT NULL, done_at timestamptz NOT NULL,
    compensation_state text NOT NULL, compensation_round int NOT NULL, policy jsonb NOT NULL,
    reversibility text NOT NULL, case_id uuid, binding text NOT NULL, completion_seq bigint,
    remote jsonb);
"""


def _run(*statements: Any) -> None:
    name = connection.settings_dict["NAME"]
    with psycopg.connect(os.environ["DATABASE_OWNER_URL"], autocommit=True, dbname=name) as owner:
        for each in statements:
            owner.execute(each)


@contextmanager
def toys() -> Iterator[None]:
    """Make the tables, and let everybody know of toys and boxes for as long as the body runs."""
    walls = [
        builder.sql
        for table, guard in (("toys_box", "toy_box"), ("toys_toy", "toy"))
        for builder in (sql.tenant_table(table), sql.to_tenant(table), sql.guard(table, guard))
    ]
    _run(_TABLES, *walls)
    declared = []
    with pytest.MonkeyPatch.context() as patch:
        known = vocabulary.SUBJECT_TYPES | {"toy", "toy_box"}
        patch.setattr(vocabulary, "SUBJECT_TYPES", known)
        vocabulary.declare("toy", [*UNDO_ACTIONS, "made"])
        vocabulary.declare("toy_box", ["made", "rollback_started", "rollback_settled"])
        subject.register(TOY)
        subject.register(BOX)
        declared = [declare_plan_verb("toy"), declare_plan_verb("toy_box")]
        try:
            yield
        finally:
            for verb in declared:
                catalogue.withdraw(verb)
            subject.unregister("toy")
            subject.unregister("toy_box")
            vocabulary.withdraw("toy", [*UNDO_ACTIONS, "made"])
            vocabulary.withdraw("toy_box", ["made", "rollback_started", "rollback_settled"])
            _run("DROP TABLE toys_toy", "DROP TABLE toys_box")


def filled_box(by: ActingUser, *names: str, **policies: dict[str, Any]) -> Box:
    """Make a box and, in this order, its toys, each with its entry."""
    with transaction.atomic(durable=True):
        set_tenant(by.tenant_id)
        ref = authority_of(by).ref()
        box = Box(tenant_id=by.tenant_id)
        insert(box, "made", by=ref)
        for seq, name in enumerate(names, start=1):
            toy = Toy(
                tenant_id=by.tenant_id, name=name, box_id=box.id, done_by=by.actor_id,
                done_at=now(), completion_seq=seq, policy=policies.get(name, {}),
            )  # fmt: skip
            insert(toy, "made", by=ref)
    return box
