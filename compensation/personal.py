"""What undoing keeps about people."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Final

from compensation.foreign_request_tables import CompensationRequest
from compensation.models import CompensationAttempt, CompensationRun
from ledger.erasure.personal_data import Personal, Thing

_RUN: Final = "'compensation_run'"
# The case of whatever it is about, as that thing's first entry says it.
_CASE_OF: Final = (
    "(SELECT e.case_id FROM ledger_ledgerentry e WHERE e.tenant_id = t.tenant_id"
    " AND e.subject_type = t.{0}_type AND e.subject_id = t.{0}_id ORDER BY e.subject_seq LIMIT 1)"
)
_OF_RUN: Final = (
    "(SELECT CASE WHEN r.whole_type = 'case' THEN r.whole_id END"
    " FROM compensation_compensationrun r"
    " WHERE r.tenant_id = t.tenant_id AND r.id = t.run_id)"
)
_RUN_OF_PLAN: Final = (
    "(SELECT r.id FROM compensation_compensationrun r"
    " WHERE r.tenant_id = t.tenant_id AND r.plan_id = t.id LIMIT 1)"
)
_OF_WHOLE: Final = "(CASE WHEN t.whole_type = 'case' THEN t.whole_id END)"

TABLES: Final = (
    Personal(
        table="compensation_undocheck",
        no="id tenant_id queue due_at leased_until lease_token troubled_since checked_at found",
    ),
    Personal(
        table="compensation_compensationrequest",
        kind="requests",
        no="id tenant_id version about_type about_id status asking_tenant_id asking_id asking_hash"
        " strategy run_id created_at ended_at",
        actors="decided_by_id",
        mentions="asking_name reason regulatory_basis answer answer_reason",
        about=("t.about_type", "t.about_id"),
        also_about=((_RUN, "t.run_id"),),
        case=_CASE_OF.format("about"),
        keyed="regulatory_basis",
    ),
    Personal(
        table="compensation_compensationattempt",
        kind="attempts",
        no="id tenant_id original_type original_id round number mode strategy capability"
        " compensation_type compensation_id run_id outcome started_at ended_at",
        actors="requested_by_id",
        mentions="performer replaced_performer request error",
        about=("t.original_type", "t.original_id"),
        also_about=((_RUN, "t.run_id"), ("t.compensation_type", "t.compensation_id")),
        case=_CASE_OF.format("original"),
        followed="request",
    ),
    Personal(table="compensation_completioncounter", no="case_id tenant_id last"),
    Personal(
        table="compensation_compensationplan",
        kind="plans",
        no="id tenant_id subject_type subject_id whole_type whole_id strategy resume_after digest"
        " requires_approval created_at expires_at",
        actors="created_by_id",
        mentions="scope include waive override_window reason regulatory_basis content",
        about=("t.subject_type", "t.subject_id"),
        also_about=((_RUN, _RUN_OF_PLAN),),
        case=_OF_WHOLE,
        followed="scope include waive override_window content",
        keyed="regulatory_basis",
    ),
    Personal(
        table="compensation_compensationrun",
        kind="runs",
        no="id tenant_id version plan_id about_type about_id whole_type whole_id root_id"
        " parent_run_id above_id trigger status resume_after held stopped_since started_at"
        " ended_at",
        actors="requested_by_id",
        mentions="reason regulatory_basis decisions exceptions waits_for stopped_error",
        about=("t.about_type", "t.about_id"),
        also_about=((_RUN, "t.id"),),
        case=_OF_WHOLE,
        followed="decisions exceptions waits_for",
        keyed="regulatory_basis",
    ),
    Personal(
        table="compensation_compensationstep",
        kind="steps",
        no="id tenant_id version run_id n original_type original_id completion_seq undo_order"
        " status mode strategy binding compensation_type compensation_id adopted amendment"
        " started_at ended_at",
        mentions="original_name spec decisions error",
        about=("t.original_type", "t.original_id"),
        also_about=((_RUN, "t.run_id"),),
        case=_OF_RUN,
        followed="spec decisions",
        things="original_name",
    ),
)


def undone_inside(tenant_id: uuid.UUID, things: Collection[Thing]) -> set[Thing]:
    """Return what belongs to the rollbacks among some things: the rollbacks below them, the work
    that undoes, and the requests that they answer."""
    runs = [id_ for type_, id_ in things if type_ == CompensationRun.subject_type]
    if not runs:
        return set()
    below = CompensationRun.objects.filter(tenant_id=tenant_id, parent_run_id__in=runs)
    work = CompensationAttempt.objects.filter(
        tenant_id=tenant_id, run_id__in=runs, compensation_id__isnull=False
    )
    asked = CompensationRequest.objects.filter(tenant_id=tenant_id, run_id__in=runs)
    return {
        *((CompensationRun.subject_type, id_) for id_ in below.values_list("id", flat=True)),
        *work.values_list("compensation_type", "compensation_id"),
        *((CompensationRequest.subject_type, id_) for id_ in asked.values_list("id", flat=True)),
    }
