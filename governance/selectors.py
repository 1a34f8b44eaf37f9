"""Reading approvals. Every function runs in the caller's tenant scope."""

from __future__ import annotations

import dataclasses
import functools
import uuid
from collections.abc import Collection, Sequence

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    BooleanField,
    Exists,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
)

from accounts.acting import ActingUser
from accounts.roles import Role
from accounts.selectors import (
    active_actors,
    group_names,
    holding_any,
    members_of_groups,
    membership_of,
)
from governance.lifecycle import APPROVING_ROLES, ApprovalStatus
from governance.models import Approval, ApprovalStep
from ledger.errors import NotFound


def approvals(tenant_id: uuid.UUID) -> QuerySet[Approval]:
    """Return every approval of the tenant."""
    return Approval.objects.filter(tenant_id=tenant_id)


def pending(tenant_id: uuid.UUID) -> QuerySet[Approval]:
    """Return those that wait for an answer."""
    return approvals(tenant_id).filter(status=ApprovalStatus.PENDING)


def approval(tenant_id: uuid.UUID, id_: uuid.UUID) -> Approval:
    """Return one. Raises NotFound."""
    found = approvals(tenant_id).filter(id=id_).first()
    if found is None:
        raise NotFound
    return found


def with_steps(rows: Sequence[Approval]) -> Sequence[Approval]:
    """Give approvals of one tenant their steps: one query."""
    if not rows:
        return rows
    found: dict[uuid.UUID, list[ApprovalStep]] = {row.id: [] for row in rows}
    steps = ApprovalStep.objects.filter(tenant_id=rows[0].tenant_id, approval_id__in=found)
    for step in steps.order_by("n"):
        found[step.approval_id].append(step)
    for row in rows:
        row.ordered = found[row.id]
    return rows


def read(tenant_id: uuid.UUID, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Approval]:
    """Return approvals with their steps, by id; unknown ids are missing."""
    rows = list(approvals(tenant_id).filter(id__in=list(ids)))
    return {row.id: row for row in with_steps(rows)}


def pending_about(
    tenant_id: uuid.UUID, type_: str, ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, Approval]:
    """Return the approvals that wait about things of one kind, by the thing, with their steps."""
    rows = list(pending(tenant_id).filter(about_type=type_, about_id__in=list(ids)))
    return {row.about_id: row for row in with_steps(rows)}


def about_many(
    tenant_id: uuid.UUID, type_: str, ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, list[Approval]]:
    """Return every approval about things of one kind, by the thing, oldest first, with steps."""
    rows = approvals(tenant_id).filter(about_type=type_, about_id__in=list(ids))
    found: dict[uuid.UUID, list[Approval]] = {}
    for row in with_steps(list(rows.order_by("created_at", "id"))):
        found.setdefault(row.about_id, []).append(row)
    return found


#: What waits longest first.
LONGEST_FIRST = ("created_at", "id")


def to_decide(who: ActingUser) -> QuerySet[Approval]:
    """Return the approvals that wait for this person: their step is the next, they did not ask for
    it, and decided no step of it before. Roles and groups are read by the same statement."""
    own = {"tenant_id": who.tenant_id}
    steps = ApprovalStep.objects.filter(**own, approval_id=OuterRef("id"))
    may = Exists(membership_of(who).filter(roles__overlap=sorted(APPROVING_ROLES)))
    theirs = (
        Q(users__contains=[str(who.actor_id)])
        | Q(_Any("groups", ArraySubquery(group_names(who))))
        | Q(_Any("roles", Subquery(membership_of(who).values("roles"))))
        | (Q(roles__contains=[Role.APPROVER.value]) & Q(may))
    )
    # Asked of each approval, and no EXISTS: of that the planner makes a join with every step there
    # is, as it takes half of them to be theirs.
    next_one = steps.filter(theirs, n=OuterRef("step")).annotate(is_theirs=Value(value=True))
    others = pending(who.tenant_id).exclude(requested_by_id=who.actor_id)
    return others.exclude(asked_by__contains=[str(who.actor_id)]).filter(
        Subquery(next_one.values("is_theirs")[:1], output_field=BooleanField()),
        ~Exists(steps.filter(decided_by_id=who.actor_id)),
    )  # fmt: skip


class _Any(Func):
    """Whether a list of JSON has one of some texts."""

    function = "jsonb_exists_any"
    output_field = BooleanField()


def asked_by(who: ActingUser) -> QuerySet[Approval]:
    """Return what a person has asked for."""
    return approvals(who.tenant_id).filter(requested_by_id=who.actor_id)


def about(tenant_id: uuid.UUID, type_: str, id_: uuid.UUID) -> QuerySet[Approval]:
    """Return the approvals about one thing, newest first."""
    rows = approvals(tenant_id).filter(about_type=type_, about_id=id_)
    return rows.order_by("-created_at", "-id")


@dataclasses.dataclass(frozen=True, slots=True)
class WaitingStep:
    """The step of an approval that waits: its number, and the actors who may decide it now."""

    n: int
    deciders: frozenset[uuid.UUID]


def waiting_steps(tenant_id: uuid.UUID, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, WaitingStep]:
    """Return the steps of these approvals that wait, by approval: of many in as few statements as
    they name people, groups and roles."""
    rows = list(with_steps(list(pending(tenant_id).filter(id__in=list(ids)))))
    found = {}
    in_groups = functools.cache(lambda *names: members_of_groups(tenant_id, names))
    in_roles = functools.cache(lambda *roles: holding_any(tenant_id, _holders(roles)))
    users = {uuid.UUID(actor) for row in rows for actor in row.waiting_step.users}
    # Who has left was named all the same, and decides nothing.
    present = active_actors(tenant_id, users) if users else frozenset()
    for row in rows:
        step = row.waiting_step
        named = {uuid.UUID(actor) for actor in step.users} & present
        named.update(in_groups(*step.groups) if step.groups else ())
        named.update(in_roles(*step.roles) if step.roles else ())
        asked = {row.requested_by_id, *map(uuid.UUID, row.asked_by)}
        done = {each.decided_by_id for each in row.ordered} | asked
        found[row.id] = WaitingStep(step.n, frozenset(named - done))
    return found


def _holders(roles: Collection[str]) -> list[str]:
    more = APPROVING_ROLES if Role.APPROVER in roles else frozenset()
    return sorted({*roles, *more})
