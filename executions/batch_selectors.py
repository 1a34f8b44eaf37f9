"""Reads of batches. Every function runs in the caller's tenant scope."""

from __future__ import annotations

import dataclasses
import functools
import uuid
from collections.abc import Collection, Sequence

from django.db.models import QuerySet

from compensation.selectors import live_runs, runs
from executions.models import Batch, Execution
from ledger.errors import NotFound


@dataclasses.dataclass(frozen=True)
class BatchFacts:
    """The run that is live in a batch, about all of it or about one of its calls."""

    batch: Batch

    @functools.cached_property
    def live_run(self) -> uuid.UUID | None:
        """The id of the live run: read in bulk before, or now."""
        return _live(self.batch.tenant_id, [self.batch.id]).get(self.batch.id)


def batch_facts(batches: Sequence[Batch]) -> dict[uuid.UUID, BatchFacts]:
    """Return facts by batch: for one read when asked for, for many in one query."""
    found = {batch.id: BatchFacts(batch) for batch in batches}
    if len(batches) > 1:
        live = _live(batches[0].tenant_id, list(found))
        for id_, facts in found.items():
            # Where `cached_property` keeps what it has read.
            facts.__dict__["live_run"] = live.get(id_)
    return found


def _live(tenant_id: uuid.UUID, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    rows = live_runs(tenant_id).filter(root_id__in=list(ids))
    return {root: id_ for root, id_ in rows.values_list("root_id", "id") if root is not None}


def get_batch(tenant_id: uuid.UUID, batch_id: uuid.UUID) -> Batch:
    """Return one batch. Raises NotFound."""
    found = Batch.objects.filter(tenant_id=tenant_id, id=batch_id).first()
    if found is None:
        raise NotFound
    return found


def batches(tenant_id: uuid.UUID) -> QuerySet[Batch]:
    """Return every batch of the tenant, newest first: members see all of them."""
    return Batch.objects.filter(tenant_id=tenant_id).order_by("-created_at", "-id")


def calls_of(
    tenant_id: uuid.UUID, batch_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, list[uuid.UUID]]:
    """Return the executions of the calls of these batches, in the order of the calls: one query."""
    rows = _calls(tenant_id).filter(batch_id__in=list(batch_ids))
    found: dict[uuid.UUID, list[uuid.UUID]] = {}
    for batch_id, id_ in rows.order_by("batch_position").values_list("batch_id", "id"):
        if batch_id is not None:
            found.setdefault(batch_id, []).append(id_)
    return found


def call_rows(batch: Batch) -> list[Execution]:
    """Return the executions of a batch's calls, in the order of the calls."""
    return list(_calls(batch.tenant_id).filter(batch_id=batch.id).order_by("batch_position"))


def _calls(tenant_id: uuid.UUID) -> QuerySet[Execution]:
    # What undoes a call is of its batch, and none of its calls.
    return Execution.objects.filter(tenant_id=tenant_id, batch_position__isnull=False)


def newest_runs(
    tenant_id: uuid.UUID, batch_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, uuid.UUID]:
    """Return the newest run about each of these batches as a whole, by batch: one query."""
    rows = runs(tenant_id).filter(whole_id__in=list(batch_ids), about_type=Batch.subject_type)
    newest = rows.order_by("whole_id", "-started_at", "-id").distinct("whole_id")
    return {whole: id_ for whole, id_ in newest.values_list("whole_id", "id") if whole is not None}
