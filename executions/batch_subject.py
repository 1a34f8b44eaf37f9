"""Batches as a kind of thing: a whole of executions, rolled back as one."""

from __future__ import annotations

import operator
import uuid
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from compensation.subject import WholeSubject
from executions.actions import batch_stopping, batch_undoing
from executions.actions.batch_changes import lock_batch
from executions.batch_selectors import batch_facts
from executions.lifecycle import BATCH_ROLLBACK_FROM, BatchStatus
from executions.models import Batch, batch_title
from executions.subject import allowed_role
from ledger.errors import NotFound
from verbs.subject import Description, Locked, Named


def _locked(tenant_id: uuid.UUID, batch_id: uuid.UUID) -> Locked:
    batch = lock_batch(tenant_id, batch_id)
    if batch is None:
        raise NotFound(_("There is no such batch."))
    return Locked(batch)


def _called(id_: uuid.UUID, size: Any, status: str) -> Description:
    url = reverse("executions:batch", args=[id_])
    return Description(batch_title(id_, int(size)), url, status, "layers")


NAMED = Named(Batch, ("size", "status"), _called)


def _envelope(batch: Batch, action: str) -> dict[str, Any]:
    of_undo = action.startswith(("compensation_", "rollback_"))
    return {"case_id": batch.id, "kind": "COMPENSATION" if of_undo else "TRANSITION"}


def crumbs_of(batch: Batch) -> list[dict[str, str]]:
    """Return `crumbs` to a batch."""
    return [
        {"label": _("Automatic steps"), "url": reverse("executions:list")},
        {"label": _("Batches"), "url": reverse("executions:batches")},
        {"label": str(batch), "url": reverse("executions:batch", args=[batch.id])},
    ]


BATCH = WholeSubject(
    subject_type=Batch.subject_type,
    model=Batch,
    # After cases, before work: a batch is in none, and its calls are locked after it.
    rank=5,
    route="batches/<uuid:id>",
    finished="completed",
    locked=_locked,
    named=NAMED,
    relations={"allowed_role": allowed_role},
    facts=batch_facts,
    envelope=_envelope,
    column="batch_id",
    rollback_from=frozenset(map(str, BATCH_ROLLBACK_FROM)),
    undone_in_part=BatchStatus.PARTIALLY_COMPENSATED,
    root=operator.attrgetter("id"),
    pages="executions:batch",
    crumbs=crumbs_of,
    standings=batch_undoing.standings,
    barred=batch_undoing.barred,
    parts=batch_undoing.parts,
    part=batch_undoing.part,
    started=batch_undoing.started,
    faulted=batch_undoing.faulted,
    goes_on=batch_undoing.goes_on,
    ended=batch_undoing.ended,
    held_up=batch_stopping.refuse_while_stopped,
    stopped=batch_stopping.stopped,
    carried_on=batch_stopping.goes_on,
)
