"""The filters of the list of work items. A value that cannot match is refused, not ignored."""

from __future__ import annotations

import uuid
from collections.abc import Iterable

from django.db.models import QuerySet
from rest_framework.request import Request

from accounts.acting import ActingUser
from accounts.selectors import actors_by_username
from compensation.lifecycle import CompensationState
from ledger.errors import Invalid
from workitems import selectors
from workitems.lifecycle import Kind, Status
from workitems.rows import WorkItem

ME = "me"


def wanted(request: Request, who: ActingUser) -> QuerySet[WorkItem]:
    """Return the items that the query asks for. Raises Invalid naming the parameter.

    `status` may be repeated. `me` is `who`.
    """
    query = request.query_params
    rows = selectors.filtered(
        selectors.visible(),
        status=[_one_of("status", value, Status.values) for value in query.getlist("status")],
        kind=_one_of("kind", query.get("kind", ""), Kind.values),
        compensation_state=_one_of(
            "compensation_state", query.get("compensation_state", ""), CompensationState.values
        ),
        query=_text("q", query.get("q", "")),
        case_id=_uuid("case", query.get("case", "")),
    )
    if assignee := _text("assignee", query.get("assignee", "")):
        actor = who.actor_id if assignee == ME else actors_by_username([assignee]).get(assignee)
        rows = rows.filter(assignee_id=actor) if actor is not None else rows.none()
    if candidate := query.get("candidate", ""):
        if candidate != ME:
            raise Invalid.field("candidate", "candidate: only `me` can be asked for")
        rows = selectors.candidate_for(rows, who)
    return rows


def _one_of(name: str, value: str, known: Iterable[str]) -> str:
    if value and value not in known:
        raise Invalid.field(name, f"{name}: must be one of {', '.join(known)}")
    return value


def _uuid(name: str, value: str) -> uuid.UUID | None:
    if not value:
        return None
    try:
        return uuid.UUID(value)
    except ValueError:
        raise Invalid.field(name, f"{name}: must be an id") from None


def _text(name: str, value: str) -> str:
    if "\x00" in value:
        raise Invalid.field(name, f"{name}: may not contain NUL")
    return value.strip()
