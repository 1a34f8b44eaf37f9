"""What happens when nobody decides in time."""

from __future__ import annotations

import uuid

from django.db import transaction

from accounts.acting import authority_of, system_of
from governance.actions.approval_verbs import EXPIRIES, end, locked_approval
from governance.lifecycle import ApprovalStatus
from ledger.dispatch.lease_table import Due
from ledger.ids import new_token
from ledger.tenancy import set_tenant
from verbs.move import Moves

_LEASE_SECONDS = 10.0


def expire_due(tenant_id: uuid.UUID, approval_id: uuid.UUID) -> bool:
    """Let an approval expire whose moment has come; whether there was one to see to.

    The lease is committed first, and tells after the lock whether the row is still there: whoever
    decides removes it under that lock, so a decision and the end of its time come in one order.
    """
    due = Due(tenant_id, approval_id, new_token())
    with transaction.atomic(durable=True):
        set_tenant(tenant_id, flush=False)
        if not EXPIRIES.take(due, _LEASE_SECONDS):
            return False
    with transaction.atomic(durable=True):
        set_tenant(tenant_id)
        locked = locked_approval(tenant_id, approval_id)
        approval = locked.row
        if EXPIRIES.is_ours(due) and approval.status == ApprovalStatus.PENDING:
            moves = Moves()
            approval.expire()
            by = authority_of(system_of(tenant_id)).ref()
            end(approval, "expired", by=by, moves=moves, said={}, thing=locked.others)
            moves.record()
    return True
