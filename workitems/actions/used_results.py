"""Work of a case that used what another step had written, which is undone: marked, and reviewed.

Who knows which work used what is the case; here it is marked once for each undo of each source, and
a work item of the kind REVIEW asks what becomes of it. A circle ends because what is undone, or is
being undone, is not marked.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.acting import authority_of, authority_of_member, system_of
from accounts.selectors import able_actors
from compensation.actions.run_decided import Wanted, locked_about, planned, start
from compensation.lifecycle import CompensationState
from compensation.subject import Cause, undoable
from ledger import failpoints
from ledger.errors import NotFound, NotPermitted, Refusal
from ledger.record import ActorRef, EntryRef, record
from ledger.tenancy import set_tenant, tenant_scope
from verbs.move import change_of, move
from verbs.subject import Ref, describe, subject_of
from workitems.actions.item_opening import NewWorkItem, open_item
from workitems.derivation import REVIEW_OUTCOMES
from workitems.lifecycle import Kind
from workitems.listener_tables import Derivation, UsedResult
from workitems.models import WorkItem

EXECUTION = "execution"
failpoints.declare("used_result.marked")


@dataclasses.dataclass(frozen=True, slots=True)
class Undone:
    """Something that is undone: in which round, by which entry."""

    type: str
    id: uuid.UUID
    round: int
    entry: EntryRef


def mark_user(tenant_id: uuid.UUID, user: Ref, sources: Sequence[Undone]) -> None:
    """Mark finished work that used the results of these, and open its review; not again for the
    same undo, and not where it is undone, or about to be."""
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        row = _locked(tenant_id, user)
        new = [] if row is None else _new_to(tenant_id, user, sources)
        if row is None or not new:
            return
        by = authority_of(system_of(tenant_id)).ref()
        refs: list[Ref] = [(each.type, each.id) for each in new]
        called = describe(tenant_id, [*refs, user])
        said = [{"type": type_, "id": str(id_), "title": called[type_, id_].title}
                for type_, id_ in refs]  # fmt: skip
        row.tainted = True
        entry = move(
            row, "tainted", before=str(row.status), by=by, caused_by=new[0].entry,
            fields=["tainted"], payloads={"source": said[0], "sources": said},
        )  # fmt: skip
        review = open_item(_review(row, called[user].title, said, by), by=by, caused_by=entry.ref)
        for each in new:
            UsedResult.objects.update_or_create(
                tenant_id=tenant_id, user_id=user[1], source_id=each.id,
                defaults={
                    "user_type": user[0], "source_type": each.type, "round": each.round,
                    "review_id": review.id,
                },
            )  # fmt: skip
        failpoints.reach("used_result.marked")


def _locked(tenant_id: uuid.UUID, user: Ref) -> Any | None:
    """Lock work that stands: finished, and not being undone."""
    try:
        row: Any = subject_of(user[0]).lock(tenant_id, user[1]).row
    except NotFound:
        return None
    stands = row.status == undoable(user[0]).settled
    return row if stands and row.compensation_state == CompensationState.NONE else None


def _new_to(tenant_id: uuid.UUID, user: Ref, sources: Sequence[Undone]) -> list[Undone]:
    """Return those for whose undo the locked work was not marked yet; of what it says itself that
    it was made of, `influence` sees to it."""
    ids = [each.id for each in sources]
    of = {"tenant_id": tenant_id, "source_id__in": ids}
    marked = dict(
        UsedResult.objects.filter(**of, user_id=user[1]).values_list("source_id", "round")
    )
    said = set(Derivation.objects.filter(**of, item_id=user[1]).values_list("source_id", flat=True))
    return [each for each in sources if each.id not in said and marked.get(each.id, 0) < each.round]


def _review(row: Any, title: str, sources: Sequence[dict[str, str]], by: ActorRef) -> NewWorkItem:
    """Return the task of looking at it again: of who did it, and of the groups that were asked; of
    a program's, of who asked for it, or else of the operators. Whoever may not do the work may not
    look at it again either."""
    done_by = {undoable(row.subject_type).finished_by(row)} - {None}
    own: dict[str, Any] = {}
    if isinstance(row, WorkItem):
        excluded = set(map(uuid.UUID, row.excluded))
        done_by -= excluded
        own = {
            "candidate_groups": row.groups_asked,
            "excluded": sorted(excluded),
            "excluded_groups": row.excluded_groups,
            "required_skills": row.required_skills,
        }
    users = able_actors(row.tenant_id, [each for each in done_by if each is not None])
    first, *others = sources
    return NewWorkItem(
        tenant_id=row.tenant_id,
        title=f"Review again: {title}"[:300],
        created_by=by.id,
        kind=Kind.REVIEW,
        payload={
            row.subject_type: str(row.id),
            "title": title,
            "undone": list(sources) if others else first,
        },
        candidate_users=sorted(users),
        for_operators=not users and not own.get("candidate_groups"),
        permitted_outcomes=REVIEW_OUTCOMES,
        priority="HIGH",
        reversibility="not_needed",
        **own,
    )


def reviewed(tenant_id: uuid.UUID, review_id: uuid.UUID) -> Ref | None:
    """Return what a review of such work is about; None where it is about no such."""
    with tenant_scope(tenant_id):
        rows = UsedResult.objects.filter(tenant_id=tenant_id, review_id=review_id)
        return rows.values_list("user_type", "user_id").first()


def undo_execution(
    tenant_id: uuid.UUID, id_: uuid.UUID, *, reason: str, decided_by: uuid.UUID, entry: EntryRef
) -> None:
    """Begin the undo of an execution whose review said so, as a rollback of it alone, in the name
    of who answered; they have to be an operator. What refuses it is recorded about it."""
    system = authority_of(system_of(tenant_id)).ref()
    try:
        with transaction.atomic(durable=True):
            set_tenant(tenant_id)
            ready = locked_about(tenant_id, (EXECUTION, id_))
            if ready.parts[0].row.compensation_state != CompensationState.NONE:
                return
            authority = authority_of_member(tenant_id, decided_by)
            if authority is None or not authority.is_operator:
                raise NotPermitted(_("An operator has to ask for it."))
            wanted = Wanted(reason=reason, requested_by=decided_by)
            plan = planned(tenant_id, ready, wanted)
            start(plan, ready, wanted, cause=Cause(system, entry))
    except Refusal as refusal:
        _note(tenant_id, id_, refusal, entry, system)


def _note(
    tenant_id: uuid.UUID, id_: uuid.UUID, refusal: Refusal, entry: EntryRef, by: ActorRef
) -> None:
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        row = _locked(tenant_id, (EXECUTION, id_))
        if row is None:
            return
        record(
            change_of(
                row, "event_not_followed", before=str(row.status), by=by, caused_by=entry,
                kind="REFUSAL", original=None, compensation=None,
                payloads={"code": refusal.code, "detail": refusal.detail},
            )
        )  # fmt: skip
