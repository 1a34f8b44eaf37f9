"""Creating a work item by hand or through the API."""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Callable, Sequence
from typing import Any

from django.db import transaction

from accounts.acting import ActingUser, authority_of
from accounts.selectors import active_actors, actors_by_username
from compensation.policy import (
    MAX_NAME_LENGTH,
    UNSPECIFIED,
    CompensationPolicy,
    PolicyError,
    parse_policy,
    parse_reversibility,
)
from executions import registry
from ledger.errors import FieldError, Invalid
from ledger.limits import check_json
from ledger.tenancy import set_tenant
from workitems.actions.door import Asked, check_input
from workitems.actions.within import NewWorkItem, create_item
from workitems.models import Priority, WorkItem
from workitems.resolution import check_schema

MAX_TITLE = 300
MAX_NAMES = 50


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """The input of `create_work_item`, as the caller wrote it. People are usernames."""

    title: Any = ""
    payload: Any = None
    priority: Any = "MEDIUM"
    assignee: Any = None
    candidate_users: Sequence[Any] = ()
    candidate_groups: Sequence[Any] = ()
    permitted_outcomes: Sequence[Any] = ()
    resolution_schema: Any = None
    compensation: Any = None
    reversibility: Any = None
    due_at: dt.datetime | None = None


def create_work_item(
    wanted: Wanted,
    *,
    acting_user: ActingUser,
    asked: Asked = Asked(),
    remember: Callable[[WorkItem], None] | None = None,
) -> WorkItem:
    """Create a work item outside any case. Every active member may.

    Raises Invalid with every broken rule; nothing is stored then.
    """
    with transaction.atomic(durable=True):
        set_tenant(acting_user.tenant_id)
        authority = authority_of(acting_user)
        check_input(asked)
        new = _checked(wanted, acting_user.tenant_id, authority.actor_id)
        item = create_item(new, by=authority.ref())
        if remember is not None:
            remember(item)
    return item


def _checked(wanted: Wanted, tenant_id: uuid.UUID, creator: uuid.UUID) -> NewWorkItem:
    """Return what to insert. Raises Invalid with every broken rule at once."""
    problems: list[FieldError] = []
    title = wanted.title.strip() if isinstance(wanted.title, str) else ""
    if not 0 < len(title) <= MAX_TITLE:
        problems.append(FieldError("/title", f"must be a text of 1 to {MAX_TITLE} characters"))
    payload = {} if wanted.payload is None else wanted.payload
    if not isinstance(payload, dict):
        problems.append(FieldError("/payload", "must be an object"))
    _gather(problems, lambda: check_json(payload, "/payload"))
    if wanted.priority not in Priority.names:
        problems.append(FieldError("/priority", f"must be one of {', '.join(Priority.names)}"))
    if wanted.resolution_schema is not None:
        _gather(problems, lambda: check_schema(wanted.resolution_schema, "/resolution_schema"))
    policy, reversibility = _undoing(wanted, problems)
    people = _people(wanted, problems)
    groups = _names(wanted.candidate_groups, "/candidate_groups", problems)
    outcomes = _names(wanted.permitted_outcomes, "/permitted_outcomes", problems)
    if problems:
        raise Invalid("The work item breaks a rule.", errors=problems)
    return NewWorkItem(
        tenant_id=tenant_id,
        title=title,
        created_by=creator,
        payload=payload,
        candidate_groups=groups,
        candidate_users=[people[name] for name in wanted.candidate_users],
        assignee_id=people[wanted.assignee] if wanted.assignee else None,
        permitted_outcomes=outcomes,
        resolution_schema=wanted.resolution_schema,
        priority=wanted.priority,
        policy=policy.to_json(),
        reversibility=reversibility,
        due_at=wanted.due_at,
    )


def _undoing(wanted: Wanted, problems: list[FieldError]) -> tuple[CompensationPolicy, str]:
    """Read how the item may be undone; note what is wrong with it."""
    policy, reversibility = CompensationPolicy(), UNSPECIFIED
    if wanted.reversibility is not None:
        reversibility = _gather(
            problems, lambda: parse_reversibility(wanted.reversibility, pointer="/reversibility")
        )
    if wanted.compensation is not None:
        policy = (
            _gather(problems, lambda: parse_policy(wanted.compensation, pointer="/compensation"))
            or policy
        )
    if policy.capability and registry.get(policy.capability) is None:
        message = f"no capability is named {policy.capability!r}"
        problems.append(FieldError("/compensation/capability", message))
    if policy.mode == "automated" and not policy.capability:
        message = "mode automated needs a capability"
        problems.append(FieldError("/compensation/capability", message, "required"))
    return policy, reversibility


def _gather(problems: list[FieldError], check: Callable[[], Any]) -> Any:
    """Return what `check` returns; note what it refuses instead of stopping there."""
    try:
        return check()
    except (Invalid, PolicyError) as refused:
        problems.extend(refused.errors)
    return None


def _people(wanted: Wanted, problems: list[FieldError]) -> dict[str, uuid.UUID]:
    names = _names(wanted.candidate_users, "/candidate_users", problems)
    asked = [*names, *([wanted.assignee] if isinstance(wanted.assignee, str) else [])]
    known = actors_by_username(asked) if asked else {}
    active = active_actors(list(known.values())) if known else frozenset()
    for index, name in enumerate(names):
        if known.get(name) not in active:
            message = f"no active member is called {name!r}"
            problems.append(FieldError(f"/candidate_users/{index}", message))
    if wanted.assignee and known.get(str(wanted.assignee)) not in active:
        message = f"no active member is called {wanted.assignee!r}"
        problems.append(FieldError("/assignee", message))
    return known


def _names(values: Any, pointer: str, problems: list[FieldError]) -> list[str]:
    """Return the listed names; note every one that is no name, or is repeated."""
    if not isinstance(values, list | tuple) or len(values) > MAX_NAMES:
        problems.append(FieldError(pointer, f"must be a list of at most {MAX_NAMES} names"))
        return []
    good: list[str] = []
    for index, value in enumerate(values):
        if not isinstance(value, str) or not 0 < len(value.strip()) <= MAX_NAME_LENGTH:
            problems.append(
                FieldError(
                    f"{pointer}/{index}", f"must be a name of 1 to {MAX_NAME_LENGTH} characters"
                )
            )
        elif value in good:
            problems.append(FieldError(f"{pointer}/{index}", f"names {value!r} twice"))
        else:
            good.append(value)
    return good
