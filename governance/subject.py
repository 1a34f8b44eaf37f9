"""Approvals as a kind of thing."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Collection
from typing import Any

from django.urls import reverse

from governance import approvers, selectors
from governance.actions.approval_verbs import locked_approval
from governance.governed import governed
from governance.models import Approval
from verbs.subject import Description, NamedAfter, Subject


def call(row: Approval, title: str) -> Description:
    """Return how an approval is called: what shall be done, and to what."""
    label = str(governed(row.action).label) % {"what": title}
    url = reverse("governance:approval", args=[row.id])
    return Description(label, url, status=str(row.status), icon="badge-check")


def _caller(row: Approval) -> Callable[[str], Description]:
    return lambda title: call(row, title)


def _named_after(tenant_id: uuid.UUID, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, NamedAfter]:
    rows = selectors.approvals(tenant_id).filter(id__in=list(ids))
    return {row.id: NamedAfter(row.about, _caller(row)) for row in rows}


def _envelope(row: Approval, _action: str) -> dict[str, Any]:
    return {"kind": "GOVERNANCE", "case_id": row.case_id}


APPROVAL_SUBJECT = Subject(
    subject_type=Approval.subject_type,
    model=Approval,
    # After what it is about, before the rollback that it lets start.
    rank=70,
    route="approvals/<uuid:id>",
    finished="granted",
    locked=locked_approval,
    read=selectors.read,
    named_after=_named_after,
    relations={"approver": approvers.approver, "requester": approvers.requester},
    envelope=_envelope,
    pages="governance",
)
