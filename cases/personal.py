"""What cases and their definitions keep about people."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Final

from cases.models import Case
from ledger.erasure.personal_data import Personal, Thing

_LEASE: Final = "queue due_at leased_until lease_token troubled_since"
_OF_CASE: Final = ("'case'", "t.case_id")

TABLES: Final = (
    Personal(
        table="cases_arrival",
        kind="events",
        no="id tenant_id case_id binding heard entry_id plan_item_id status created_at",
        mentions="data",
        about=_OF_CASE,
        case="t.case_id",
    ),
    Personal(table="cases_eventlistener", no="id tenant_id type definition_id"),
    Personal(
        table="cases_eventround", no=f"id tenant_id entry_id definition_id case_id {_LEASE}"
    ),
    Personal(table="cases_stepdue", no=f"id tenant_id case_id binding {_LEASE}"),
    Personal(
        table="cases_casedefinition",
        kind="definitions",
        # The digest is of the source as it was deployed.
        no="id tenant_id namespace name version digest created_at",
        actors="deployed_by_id",
        mentions="title source compiled",
        followed="compiled",
    ),
    Personal(
        table="cases_case",
        kind="cases",
        no="id tenant_id version definition_id number status prior_status triggered stopped_since"
        " parent_id root_id awaited held_by has_children groups_met created_at ended_at"
        " milestones",
        actors="opened_by_id",
        mentions="title context invalidated fault changed_keys stopped_error",
        about=("'case'", "t.id"),
        case="t.id",
    ),
    Personal(table="cases_casecounter", no="id tenant_id prefix last"),
    Personal(
        table="cases_planitem",
        kind="cases",
        no="id tenant_id case_id binding type target_id status case_version taken_version"
        " input_digest rerouted completion_seq compensation_state created_at ended_at",
        mentions="written error",
        about=_OF_CASE,
        case="t.case_id",
    ),
    Personal(table="cases_milestonedue", no=f"id tenant_id case_id milestone {_LEASE}"),
    Personal(
        table="cases_missednewscheck",
        no="id tenant_id definition_id case_id binding recent_at recent_id replay_at replay_id"
        f" whole_due_at {_LEASE}",
    ),
)  # fmt: skip


def cases_inside(tenant_id: uuid.UUID, things: Collection[Thing]) -> set[Thing]:
    """Return the cases right below those among some things."""
    above = [id_ for type_, id_ in things if type_ == Case.subject_type]
    rows = Case.objects.filter(tenant_id=tenant_id, parent_id__in=above) if above else ()
    return {(Case.subject_type, row.id) for row in rows}
