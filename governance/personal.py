"""What approvals and policies say about people."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from typing import Final

from governance.models import Approval
from ledger.erasure.personal_data import Personal, Thing

_OF_APPROVAL: Final = (
    "(SELECT a.case_id FROM governance_approval a WHERE a.tenant_id = t.tenant_id"
    " AND a.id = t.approval_id)"
)
TABLES: Final = (
    Personal(
        table="governance_approval",
        kind="approvals",
        no="id tenant_id version about_type about_id case_id action digest status step created_at"
        " expires_at ended_at",
        actors="requested_by_id",
        mentions="given reason asked_by decisions ended_because",
        about=("t.about_type", "t.about_id"),
        case="t.case_id",
    ),
    Personal(
        table="governance_approvalstep",
        kind="approvals",
        no="id tenant_id approval_id n groups roles decision at",
        actors="decided_by_id",
        mentions="users",
        said="reason",
        about=("'approval'", "t.approval_id"),
        case=_OF_APPROVAL,
        theirs="t.decided_by_id = %(actor)s",
    ),
    Personal(
        table="governance_approvalexpiry",
        no="approval_id tenant_id queue due_at leased_until lease_token troubled_since",
    ),
    Personal(
        table="governance_policy",
        kind="policies",
        no="id tenant_id version priority effect second_factor on_stale severity created_at"
        " ended_at",
        actors="created_by_id",
        mentions="name when change approvers reason",
        followed="approvers",
        expressions="when change",
    ),
)


def approvals_inside(tenant_id: uuid.UUID, things: Collection[Thing]) -> set[Thing]:
    """Return the approvals that were asked for about some things."""
    if not things:
        return set()
    rows = Approval.objects.filter(tenant_id=tenant_id, about_id__in=[id_ for _, id_ in things])
    found = rows.values_list("about_type", "about_id", "id")
    return {(Approval.subject_type, id_) for *about, id_ in found if tuple(about) in things}
