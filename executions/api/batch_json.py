"""Batches as JSON: their public shape (DESIGN §8), and the OpenAPI of that."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from accounts.acting import Authority
from accounts.selectors import people_of
from executions import batch_selectors
from executions.actions.batches import BATCH
from executions.api.execution_json import moment
from executions.lifecycle import BatchStatus, OnFailure
from ledger.clock import rfc3339
from verbs.catalogue import offers_json, offers_of
from verbs.subject import subject_of
from web.schema import ActionSchema

Schema = serializers.Serializer[Any]


class StoppedBatchSchema(Schema):
    """Since when a batch cannot go on by itself, and why."""

    since = serializers.DateTimeField()
    error = serializers.CharField()


class BatchSchema(Schema):
    """An ordered list of executions, done one after the other."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=BatchStatus.values)
    version = serializers.IntegerField()
    on_failure = serializers.ChoiceField(choices=OnFailure.values)
    reason = serializers.CharField()
    executions = serializers.ListField(
        child=serializers.UUIDField(), help_text="In the order of the calls."
    )
    failed_at = serializers.DateTimeField(
        allow_null=True, help_text="When the first call that was not done had ended."
    )
    failed_call = serializers.IntegerField(
        allow_null=True, help_text="Which of `executions` that is, from 0."
    )
    compensation_run = serializers.UUIDField(
        allow_null=True, help_text="The newest rollback of the whole batch."
    )
    stopped = StoppedBatchSchema(allow_null=True)
    requested_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    available_actions = ActionSchema(many=True)


def represent_batches(rows: Sequence[Any], authority: Authority) -> list[dict[str, Any]]:
    """Return the shapes of `rows`, as `authority` sees them: a constant number of queries."""
    if not rows:
        return []
    tenant_id, ids = rows[0].tenant_id, [row.id for row in rows]
    named = people_of(rows, (row.requested_by_id for row in rows))
    calls = batch_selectors.calls_of(tenant_id, ids)
    runs = batch_selectors.newest_runs(tenant_id, ids)
    offers = offers_of(subject_of(BATCH), rows, authority)
    return [
        {
            "id": str(row.id),
            "status": str(row.status),
            "version": row.version,
            "on_failure": row.on_failure,
            "reason": row.reason,
            "executions": [str(id_) for id_ in calls.get(row.id, ())],
            "failed_at": moment(row.failed_at),
            "failed_call": row.failed_call,
            "compensation_run": str(runs[row.id]) if row.id in runs else None,
            "stopped": _stopped(row),
            "requested_by": named[row.requested_by_id].username
            if row.requested_by_id in named
            else None,
            "created_at": rfc3339(row.created_at),
            "ended_at": moment(row.ended_at),
            "available_actions": offers_json(offers[row.id]),
        }
        for row in rows
    ]


def _stopped(row: Any) -> dict[str, str] | None:
    if row.stopped_since is None:
        return None
    return {"since": rfc3339(row.stopped_since), "error": row.stopped_error}
