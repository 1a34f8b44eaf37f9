"""What executions and batches keep about people."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Final

from executions.models import Batch, Execution
from ledger.erasure.personal_data import Personal, Thing

TABLES: Final = (
    Personal(
        table="executions_batch",
        kind="batches",
        no="id tenant_id version status prior_status on_failure size failed_at failed_call"
        " stopped_since created_at ended_at",
        actors="requested_by_id",
        mentions="reason stopped_error",
        about=("'batch'", "t.id"),
    ),
    Personal(
        table="executions_execution",
        kind="executions",
        # A key that was given is what a repeated call is known by.
        no="compensation_state compensation_round reversibility case_id binding completion_seq"
        " undoes_type undoes_id run_id id tenant_id version capability status mode on_stale"
        " idempotency_key attempts outcome_unknown tainted batch_id batch_position created_at"
        " started_at ended_at state_version expected_state_version",
        actors="requested_by_id performer_id",
        mentions="policy remote compensation input output before after error decisions reason",
        about=("'execution'", "t.id"),
        also_about=(("'compensation_run'", "t.run_id"),),
        case="t.case_id",
        followed="policy remote compensation decisions",
    ),
    Personal(
        table="executions_executionjob",
        no="execution_id tenant_id queue seconds ask accepted_at checks_state due_at leased_until"
        " lease_token troubled_since",
    ),
)


def executions_inside(tenant_id: uuid.UUID, things: Collection[Thing]) -> set[Thing]:
    """Return the executions of the batches among some things."""
    batches = [id_ for type_, id_ in things if type_ == Batch.subject_type]
    rows = Execution.objects.filter(tenant_id=tenant_id, batch_id__in=batches) if batches else None
    ids = () if rows is None else rows.values_list("id", flat=True)
    return {(Execution.subject_type, id_) for id_ in ids}
