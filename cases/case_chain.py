"""The sub-cases of a case as nodes of its causal chain: each is one finished step of it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator

from django.urls import reverse
from django.utils.translation import gettext as _

from cases.lifecycle import PlanItemType
from cases.models import Case, PlanItem
from compensation.sentences import title_of
from workitems.chain import ChainNode


def sub_cases_in(tenant_id: uuid.UUID, case_id: uuid.UUID) -> Iterator[ChainNode]:
    """Yield the finished sub-cases of a case: one query."""
    rows = PlanItem.objects.filter(
        tenant_id=tenant_id, case_id=case_id, type=PlanItemType.SUB_CASE,
        completion_seq__isnull=False,
    )  # fmt: skip
    return nodes_of(rows)


def nodes_of(items: Iterable[PlanItem]) -> Iterator[ChainNode]:
    """Yield the finished sub-cases among plan items."""
    for item in items:
        if item.is_case and item.target_id is not None and item.completion_seq is not None:
            yield ChainNode(
                type=Case.subject_type,
                id=item.target_id,
                name=title_of(item.binding),
                lane="forward",
                order=0,
                status=str(item.status),
                compensation_state=str(item.compensation_state),
                completion_seq=item.completion_seq,
                who=None,
                at=item.ended_at,
                undoes=None,
                outcome=None,
                started=True,
                focus=False,
                label=_("Case"),
                url=reverse("cases:detail", args=[item.target_id]),
            )
