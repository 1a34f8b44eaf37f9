"""Work items as a kind of thing: what verbs, pages and compensation know of them."""

from __future__ import annotations

import operator
import uuid
from collections.abc import Collection
from typing import Any

from django.urls import reverse

from compensation.facts import undo_facts
from compensation.locking import lock_with_original
from compensation.subject import UndoableSubject, undo_envelope
from ledger.clock import rfc3339
from ledger.errors import NotFound
from verbs.row_reading import Beside, read
from verbs.subject import Description, Locked, Named
from workitems.actions.calling_off import call_off
from workitems.actions.work import settle
from workitems.actions.work_left_behind import left_to_nobody
from workitems.around.blocking import COLUMN
from workitems.lifecycle import OPEN, Kind, Status, is_begun
from workitems.models import WorkItem
from workitems.permissions import RELATIONS, SKILLS_MISSING, STOOD_IN
from workitems.then_and_now import payload_schema
from workitems.words import own_label


def _candidates(groups: str, users: str) -> Beside:
    return Beside(
        f"{COLUMN}, array(SELECT name FROM workitems_candidategroup g"  # noqa: S608  -- words of our own
        f" WHERE g.tenant_id = r.tenant_id AND g.work_item_id = r.id) AS {groups},"
        " array(SELECT actor_id FROM workitems_candidateuser u"
        f" WHERE u.tenant_id = r.tenant_id AND u.work_item_id = r.id) AS {users}",
        "",
    )


#: Who may take an item, and what blocks it, as old as the read: see `permissions.is_candidate`.
_CANDIDATES = _candidates("named_groups", "named_users")
#: The same for whoever only looks: see `WorkItem.groups_asked`.
_ASKED = _candidates("read_groups", "read_people")


def _locked(tenant_id: uuid.UUID, item_id: uuid.UUID) -> Locked:
    """Lock an item with its candidates and, when it undoes something, the original (`others`).
    Raises NotFound."""
    found = lock_with_original(tenant_id, WorkItem.subject_type, item_id, beside=_CANDIDATES)
    if found is None:
        raise NotFound
    return found


def _read(tenant_id: uuid.UUID, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, WorkItem]:
    given = [tenant_id, list(ids)]
    rows = read(WorkItem, "r.tenant_id = %s AND r.id = ANY(%s)", given, _ASKED)
    return {row.id: row for row in rows}


def _envelope(item: WorkItem, action: str) -> dict[str, Any]:
    """Return what its entries say: the completion number is part of the one that completes it."""
    seq = item.completion_seq if action == "completed" else None
    watched = item.owner_id is not None or bool(item.stakeholders)
    return {**undo_envelope(item, action), "completion_seq": seq, "watched": watched}


def _declares(item: WorkItem) -> dict[str, Any]:
    return {"payload": payload_schema(item), "resolution": item.resolution_schema}


def _snapshot(item: WorkItem) -> dict[str, Any]:
    """Return the item's work as it was at completion, frozen for whoever must reverse it."""
    return {
        "title": item.title,
        "payload": item.payload,
        "outcome": item.outcome,
        **({"outcome_label": label} if (label := own_label(item, item.outcome)) else {}),
        **({"outcome_reason": item.ended_reason} if item.ended_reason else {}),
        "resolution": item.resolution,
        "completed_by": str(item.completed_by_id) if item.completed_by_id else None,
        "completed_at": rfc3339(item.completed_at) if item.completed_at else None,
    }


def describe_item(id_: uuid.UUID, title: str, status: str, kind: str) -> Description:
    """Return how one work item is called."""
    return Description(
        title=title,
        url=reverse("workitems:detail", args=[id_]),
        status=status,
        icon="undo-2" if kind == Kind.COMPENSATION else "inbox",
    )


WORK_ITEM = UndoableSubject(
    subject_type=WorkItem.subject_type,
    model=WorkItem,
    rank=10,
    route="work-items/<uuid:id>",
    finished="completed",
    settled=Status.COMPLETED,
    locked=_locked,
    read=_read,
    named=Named(WorkItem, ("title", "status", "kind"), describe_item),
    relations=RELATIONS,
    stood_in=frozenset(STOOD_IN),
    telling=frozenset({SKILLS_MISSING}),
    facts=undo_facts,
    envelope=_envelope,
    consequence=settle,
    name=lambda item: item.binding or item.title,
    snapshot=_snapshot,
    result_schema=lambda item: item.resolution_schema,
    declares=_declares,
    task_input=lambda item: dict(item.payload),
    finisher="completed_by_id",
    finished_at=operator.attrgetter("completed_at"),
    not_started=lambda item: not is_begun(str(item.status), item.held_from),
    is_open=lambda item: item.status in OPEN,
    call_off=call_off,
    left_to_nobody=left_to_nobody,
    undoes=True,
    by_itself=True,
)
