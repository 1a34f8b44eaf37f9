"""Undos that need approval, as the verbs ask for them, for the tests of approvals."""

from __future__ import annotations

import uuid
from typing import Any

from accounts.acting import ActingUser
from accounts.actions import create_user
from governance.models import Approval, ApprovalExpiry
from governance.selectors import with_steps
from ledger.clock import now
from ledger.selectors import Entry
from ledger.tenancy import tenant_scope
from people.actions import add_member
from tests import states
from tests.world import PASSWORD, World
from verbs import catalogue
from verbs.call import Call
from workitems import actions
from workitems.models import WorkItem

ONE, TWO = {"approval": "one"}, {"approval": "two"}
approve = catalogue.find("approval", "approve")
reject = catalogue.find("approval", "reject")
withdraw = catalogue.find("approval", "withdraw")


def finished(world: World, **policy: Any) -> WorkItem:
    """Return an item that the analyst completed, whose undo one person has to agree to."""
    return states.completed(
        world.analyst, resolution={"score": 7}, candidate_groups=["analysts"],
        compensation={**ONE, **policy},
    )  # fmt: skip


def ask(item: WorkItem, by: ActingUser, **wish: Any) -> Approval:
    """Ask for the undo of an item that needs approval."""
    answer: Any = actions.compensate(item.id, call=Call(by), **{"reason": states.REASON, **wish})
    approval: Approval = answer.approval
    return approval


def asked(world: World, **policy: Any) -> Approval:
    """Return an approval that waits: the operator wants the analyst's work undone."""
    return ask(finished(world, **policy), world.operator)


def second_approver(world: World) -> ActingUser:
    """Add another approver to the cast."""
    name = f"second-{world.slug}"
    create_user(name, password=PASSWORD, email=f"{name}@demo.example")
    return add_member(call=Call(world.admin), username=name, roles=["approver"])


def stored(approval: Approval) -> Approval:
    """Return an approval as committed now, with its steps."""
    with tenant_scope(approval.tenant_id):
        [row] = with_steps([Approval.objects.get(id=approval.id)])
    return row


def of_item(item: WorkItem) -> list[Approval]:
    """Return the approvals about an item, oldest first."""
    with tenant_scope(item.tenant_id):
        return list(Approval.objects.filter(about_id=item.id).order_by("created_at", "id"))


def history(world: World, approval: Approval) -> list[Entry]:
    """Return the entries of an approval, oldest first."""
    return states.history(world, "approval", approval.id)


def due_now(approval: Approval) -> None:
    """Let the time of an approval be over for whoever sees to that, not for the approval."""
    with tenant_scope(approval.tenant_id):
        ApprovalExpiry.objects.filter(approval_id=approval.id).update(due_at=now())


def expiries(approval: Approval) -> list[uuid.UUID]:
    """Return what is still to fall due of an approval."""
    with tenant_scope(approval.tenant_id):
        rows = ApprovalExpiry.objects.filter(approval_id=approval.id)
        return list(rows.values_list("approval_id", flat=True))
