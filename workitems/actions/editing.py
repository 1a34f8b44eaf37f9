"""Editing what an open item says: title, priority, due time, payload; never its status."""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Callable, Sequence
from typing import Any, Final

from django.db import transaction

from accounts.acting import ActingUser, Authority, authority_of
from ledger.clock import rfc3339
from ledger.errors import FieldError, Invalid, NotPermitted
from ledger.limits import check_json
from ledger.tenancy import set_tenant
from workitems.actions.creating import MAX_TITLE
from workitems.actions.door import Asked, check_input, check_version, lock_item, save_and_record
from workitems.errors import IllegalState
from workitems.lifecycle import OPEN
from workitems.models import Priority, WorkItem


class _Unsaid:
    """The type of `UNSAID`."""


UNSAID: Final = _Unsaid()


@dataclasses.dataclass(frozen=True, slots=True)
class Edit:
    """What to change. `UNSAID` leaves a field as it is; `due_at` None removes the due time."""

    title: Any = UNSAID
    priority: Any = UNSAID
    due_at: dt.datetime | _Unsaid | None = UNSAID
    payload: Any = UNSAID


def edit(
    item_id: uuid.UUID,
    wanted: Edit,
    *,
    acting_user: ActingUser,
    asked: Asked = Asked(),
    remember: Callable[[WorkItem], None] | None = None,
) -> WorkItem:
    """Change what an open item says. Operator, or who created it.

    An edit that changes nothing writes nothing and keeps the version. Raises NotFound,
    NotPermitted, Stale, IllegalState (no longer open), Invalid.
    """
    with transaction.atomic(durable=True):
        set_tenant(acting_user.tenant_id)
        item, _original = lock_item(item_id)
        authority = authority_of(acting_user)
        _check_permission(item, authority)
        check_version(item, asked)
        if item.status not in OPEN:
            raise IllegalState(
                f"Only open work can be edited, not {item.status}.",
                extra={"current_status": item.status},
            )
        check_input(asked)
        changed = _apply(item, wanted)
        if changed:
            save_and_record(
                item,
                "edited",
                before=str(item.status),
                by=authority.ref(),
                fields=sorted(changed),
                payloads={"changes": changed},
            )
        if remember is not None:
            remember(item)
    return item


def may_edit(item: WorkItem, authority: Authority) -> bool:
    """Whether this person has the right to edit the item, whatever its status."""
    return authority.is_operator or item.created_by_id == authority.actor_id


def _check_permission(item: WorkItem, authority: Authority) -> None:
    if not may_edit(item, authority):
        raise NotPermitted("Only an operator or who created it may edit it.")


def _apply(item: WorkItem, wanted: Edit) -> dict[str, Any]:
    """Set the fields and return {field: {from, to}} of those that differ. Raises Invalid."""
    values = _checked(wanted)
    changed: dict[str, Any] = {}
    for name, value in values.items():
        before = getattr(item, name)
        if before != value:
            changed[name] = {"from": _said(name, before), "to": _said(name, value)}
            setattr(item, name, value)
    return changed


def _checked(wanted: Edit) -> dict[str, Any]:
    problems: list[FieldError] = []
    values: dict[str, Any] = {}
    if wanted.title is not UNSAID:
        values["title"] = wanted.title.strip() if isinstance(wanted.title, str) else ""
        if not 0 < len(values["title"]) <= MAX_TITLE:
            problems.append(FieldError("/title", f"must be a text of 1 to {MAX_TITLE} characters"))
    if wanted.priority is not UNSAID:
        if wanted.priority in Priority.names:
            values["priority"] = Priority[wanted.priority].value
        else:
            message = f"must be one of {', '.join(Priority.names)}"
            problems.append(FieldError("/priority", message))
    if wanted.due_at is not UNSAID:
        values["due_at"] = wanted.due_at
    if wanted.payload is not UNSAID:
        values["payload"] = wanted.payload
        problems.extend(_payload_problems(wanted.payload))
    if problems:
        raise Invalid("The edit breaks a rule.", errors=problems)
    return values


def _payload_problems(payload: Any) -> Sequence[FieldError]:
    if not isinstance(payload, dict):
        return [FieldError("/payload", "must be an object")]
    try:
        check_json(payload, "/payload")
    except Invalid as invalid:
        return invalid.errors
    return []


def _said(name: str, value: Any) -> Any:
    """Return a field's value as the ledger's payload keeps it."""
    if name == "priority":
        return Priority(value).name
    return rfc3339(value) if isinstance(value, dt.datetime) else value
