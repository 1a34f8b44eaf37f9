"""Reads of definitions, cases, plans and runs. Every function runs in the caller's tenant scope."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from cases.lifecycle import LIVE_RUNS
from cases.models import CompensationRun


def live_runs(case_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, uuid.UUID]:
    """Return the live run of each case that has one, by case."""
    return dict(
        CompensationRun.objects.filter(
            root_case_id__in=list(case_ids), status__in=LIVE_RUNS, parent_run__isnull=True
        ).values_list("root_case_id", "id")
    )
