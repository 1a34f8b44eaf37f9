"""Work that another program has accepted and not done yet: asked about later, as a due row.

No worker waits for it, and it is no attempt. Where to ask is kept on the job, in the transaction
that makes the execution WAITING; a worker killed before that has recorded nothing and calls again.
"""

from __future__ import annotations

import uuid

from django.db import connection

from executions.capability_registry import Capability
from executions.handler_contract import Later, Unusable
from executions.models import Execution
from ledger.dispatch.lease_table import Due
from ledger.record import ActorRef
from verbs.move import move, newest_entry

_MOST_ASK = 4000
#: The longest time between two questions, whatever was answered.
_MOST_SECONDS = 3600.0
#: Of what is asked about for long already a tenth of that passes until the next question.
_SHARE = 10

_ACCEPT = """
UPDATE executions_executionjob SET
    ask = %(ask)s, accepted_at = ledger_now(), leased_until = NULL, lease_token = NULL,
    troubled_since = NULL,
    due_at = ledger_now() + make_interval(secs => %(seconds)s)
WHERE tenant_id = %(tenant)s AND execution_id = %(id)s
"""
_AGAIN = """
UPDATE executions_executionjob SET
    ask = COALESCE(%(ask)s, ask), leased_until = NULL, lease_token = NULL, troubled_since = NULL,
    due_at = LEAST(
        ledger_now() + GREATEST(
            make_interval(secs => %(seconds)s),
            LEAST((ledger_now() - accepted_at) / %(share)s, make_interval(secs => %(most)s))),
        accepted_at + make_interval(secs => %(wait)s))
WHERE tenant_id = %(tenant)s AND execution_id = %(id)s
  AND accepted_at + make_interval(secs => %(wait)s) > ledger_now()
"""
_IN_VAIN = """
SELECT 1 FROM executions_executionjob
WHERE tenant_id = %(tenant)s AND execution_id = %(id)s AND lease_token IS NOT NULL
  AND accepted_at + make_interval(secs => %(wait)s) <= ledger_now()
  AND leased_until >= accepted_at + make_interval(secs => %(wait)s)
"""
#: What is known of it in the end.
SILENT = "it was accepted, and nobody has said in time what became of it"


def checked(later: Later, capability: Capability) -> Later:
    """Return it as it may be kept. Raises Unusable where nobody could ask."""
    if capability.later is None:
        raise Unusable("it answered that its result comes later, and declares nobody to ask")
    if not 0 < len(later.ask) <= _MOST_ASK or "\0" in later.ask:
        raise Unusable(f"it did not say in 1 to {_MOST_ASK} characters what to ask")
    return later


def ask_of(tenant_id: uuid.UUID, execution_id: uuid.UUID) -> str:
    """Return what is to be asked of work that was accepted; the job is leased."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ask FROM executions_executionjob WHERE tenant_id = %s AND execution_id = %s",
            [tenant_id, execution_id],
        )
        return str(cursor.fetchone()[0])


def asked_in_vain(due: Due, capability: Capability) -> bool:
    """Whether it has been waited for long enough, and who asked at the end of that was killed or
    died: the last question has been put. One who died asking before left it to be put, however late
    it is by now. To be asked before the job is leased anew."""
    with connection.cursor() as cursor:
        cursor.execute(
            _IN_VAIN,
            {"wait": capability.wait_seconds, "tenant": due.tenant_id, "id": due.id},
        )
        return cursor.fetchone() is not None


def accept(execution: Execution, capability: Capability, later: Later, by: ActorRef) -> None:
    """RUNNING → WAITING, inside the caller's transaction; the job is due again when it is asked."""
    before = str(execution.status)
    execution.wait()
    execution.error = ""
    move(
        execution, "accepted", before=before, by=by, caused_by=newest_entry(execution),
        fields=["error", "outcome_unknown"], payloads={"attempt": execution.attempts},
    )  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(
            _ACCEPT,
            {
                "ask": later.ask,
                "seconds": _seconds(later, capability),
                "tenant": execution.tenant_id,
                "id": execution.id,
            },
        )


def ask_again(due: Due, capability: Capability, later: Later | None) -> bool:
    """Let it be asked about again after a while, in the caller's transaction. False where it has
    been waited for long enough."""
    with connection.cursor() as cursor:
        cursor.execute(
            _AGAIN,
            {
                "ask": None if later is None else later.ask,
                "seconds": _seconds(later, capability),
                "share": _SHARE,
                "most": _MOST_SECONDS,
                "wait": capability.wait_seconds,
                "tenant": due.tenant_id,
                "id": due.id,
            },
        )
        return bool(cursor.rowcount == 1)


def _seconds(later: Later | None, capability: Capability) -> float:
    said = None if later is None else later.seconds
    return min(max(capability.poll_seconds if said is None else said, 0.1), _MOST_SECONDS)
