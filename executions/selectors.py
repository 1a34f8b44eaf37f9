"""Reads of executions. Every function runs in the caller's tenant scope."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

from django.db.models import Model, QuerySet
from django.utils.safestring import SafeString

from accounts.acting import Authority
from accounts.selectors import Person, people_of
from compensation.models import CompensationAttempt
from compensation.subject import Awaited
from executions.lifecycle import UNKNOWN, ExecutionStatus
from executions.models import Execution
from governance.selectors import about_many
from ledger.errors import NotFound
from verbs.catalogue import Offer, offers_of
from verbs.subject import subject_of
from web.values import person_words

Row = TypeVar("Row", bound=Model)


def get(tenant_id: uuid.UUID, execution_id: uuid.UUID) -> Execution:
    """Return one execution. Raises NotFound."""
    found = Execution.objects.filter(tenant_id=tenant_id, id=execution_id).first()
    if found is None:
        raise NotFound
    return found


def visible(tenant_id: uuid.UUID) -> QuerySet[Execution]:
    """Return every execution of the tenant, newest first: members see all of them."""
    return Execution.objects.filter(tenant_id=tenant_id).order_by("-created_at", "-id")


def by_id(tenant_id: uuid.UUID, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Execution]:
    """Return executions by id, in one query; unknown ids are missing."""
    rows = Execution.objects.filter(tenant_id=tenant_id, id__in=list(ids))
    return {row.id: row for row in rows}


def of_case(tenant_id: uuid.UUID, case_id: uuid.UUID) -> list[Execution]:
    """Return the executions of a case, undoing ones included, in the order they were opened."""
    rows = Execution.objects.filter(tenant_id=tenant_id, case_id=case_id)
    return list(rows.order_by("created_at", "id"))


def in_doubt(
    tenant_id: uuid.UUID, case_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, list[Awaited]]:
    """Return the steps of these cases of which nobody knows whether they happened, by case: one
    query, oldest first."""
    rows = Execution.objects.filter(
        tenant_id=tenant_id, case_id__in=list(case_ids), status=ExecutionStatus.UNCERTAIN,
        undoes_id__isnull=True,
    )  # fmt: skip
    found: dict[uuid.UUID, list[Awaited]] = {}
    for row in rows.order_by("created_at", "id"):
        if row.case_id is not None:
            found.setdefault(row.case_id, []).append(awaited(row.binding, row))
    return found


def undo_runs_of(tenant_id: uuid.UUID, original_ids: Collection[uuid.UUID]) -> list[Execution]:
    """Return the executions that reverse any of these originals, oldest first."""
    rows = Execution.objects.filter(tenant_id=tenant_id, undoes_id__in=list(original_ids))
    return list(rows.order_by("created_at", "id"))


def awaited(name: str, row: Execution) -> Awaited:
    """Return an execution whose result a rollback waits for. One that a worker is running at this
    moment ends by itself; any other may wait for ever."""
    status = str(row.status)
    began = row.created_at if status == ExecutionStatus.WAITING else row.started_at
    ended = status == ExecutionStatus.UNCERTAIN and row.ended_at
    return Awaited(
        type=Execution.subject_type,
        id=row.id,
        name=name,
        status=status,
        since=ended or began or row.created_at,
        unsure=status == ExecutionStatus.UNCERTAIN,
        stuck=status in UNKNOWN,
    )


@dataclasses.dataclass(frozen=True, slots=True)
class WithPeople:
    """A row with the people whom it names."""

    people: dict[uuid.UUID, Person]

    def username(self, actor_id: uuid.UUID | str | None) -> str | None:
        """Return how an actor is called, or None for nobody."""
        person = None if actor_id is None else self.people.get(uuid.UUID(str(actor_id)))
        return person.username if person else None

    def name(
        self, actor_id: uuid.UUID | str | None, me: uuid.UUID | None = None, *, inside: bool = False
    ) -> SafeString:
        """Return an actor's name as pages show it (`person_words`), nothing for nobody."""
        person = None if actor_id is None else self.people.get(uuid.UUID(str(actor_id)))
        return SafeString() if person is None else person_words(person, me, inside=inside)


@dataclasses.dataclass(frozen=True, slots=True)
class ShownWork(WithPeople):
    """What is said of a row that can be undone: attempts at it, and what may be done now."""

    attempts: Sequence[CompensationAttempt]
    actions: Sequence[Offer]


@dataclasses.dataclass(frozen=True, slots=True)
class Shown(ShownWork):
    """An execution with what its public shape needs from elsewhere."""

    execution: Execution
    approvals: Sequence[Any] = ()


def show(rows: Sequence[Execution], authority: Authority) -> list[Shown]:
    """Return `rows` with names, undos and actions, in the same order and two further queries."""
    named = people_of(
        rows,
        (
            actor
            for row in rows
            for actor in (row.requested_by_id, row.performer_id, *named_in(row.compensation))
        ),
    )
    subject = subject_of(Execution.subject_type)
    facts = subject.facts(rows)
    offered = offers_of(subject, rows, authority, facts=facts)
    agreed = _approvals_of(rows)
    return [
        Shown(named, facts[row.id].attempts, offered[row.id], row, agreed.get(row.id, ()))
        for row in rows
    ]


def _approvals_of(rows: Sequence[Execution]) -> Mapping[uuid.UUID, Sequence[Any]]:
    """Return the approvals of those that were decided to need any: no query where none was."""
    asked = [
        row.id for row in rows
        if any(each["effect"] == "require_approval" for each in row.decisions)
    ]  # fmt: skip
    return about_many(rows[0].tenant_id, Execution.subject_type, asked) if asked else {}


def named_in(block: dict[str, Any] | None) -> list[uuid.UUID]:
    """Return whom the `compensation` of a row names."""
    if not block:
        return []
    then = block["original_snapshot"]
    named = (block["requested_by"], then.get("completed_by"), then.get("requested_by"))
    return [uuid.UUID(actor) for actor in named if actor]


def filtered(rows: QuerySet[Row], **lookups: Any) -> QuerySet[Row]:
    """Narrow `rows`; what is empty does not narrow."""
    return rows.filter(**{name: value for name, value in lookups.items() if value})
