"""What was agreed to, taken up again: the undo begins, the attestation counts, or the failed undo
is given up, in the transaction in which the last one agrees. Until then it is asked each time
whether it still could, and whether who asked for it still may.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from accounts.acting import authority_of_member
from compensation.actions import undo
from compensation.actions.approval_needed import (
    digest_of_abandoning,
    digest_of_attestation,
    digest_of_undo,
)
from compensation.actions.undo_verbs import Compensate, may_override, request_for
from compensation.errors import RunLive
from compensation.subject import undoable
from governance.governed import Governed, Granted, NotNow
from ledger.errors import Conflict, NotPermitted
from ledger.record import ActorRef, EntryRef
from verbs import catalogue
from verbs.move import Moves

_MAY_NOT = _("Who asked for it may not ask for it any more.")
_CHANGED = _("What would be done is not what it was when it was asked for.")


def _check(original: Any, approval: Any, body: dict[str, Any]) -> None:
    """Raise what would refuse the verb now: of who asked for it, in whose name it is done; of the
    state, and of what has changed."""
    verb = catalogue.find(original.subject_type, approval.action)
    facts = undoable(original.subject_type).fact(original)
    asked_by = authority_of_member(original.tenant_id, approval.requested_by_id)
    if asked_by is None or verb.denied(original, asked_by, facts):
        raise NotPermitted(str(_MAY_NOT))
    if body.get("override_window") and not may_override(asked_by):
        # Whoever finished it may ask for its undo, in time.
        raise NotPermitted(str(_MAY_NOT))
    refused = verb.refusal(original, facts, body)
    if isinstance(refused, RunLive):
        raise NotNow(refused)
    if refused is not None:
        raise refused


def _ready_to_compensate(original: Any, approval: Any, by: ActorRef) -> Granted:
    body = {**approval.given, "reason": approval.reason}
    _check(original, approval, body)
    request = request_for(
        original, Compensate.model_validate(body), requested_by=approval.requested_by_id
    )
    if digest_of_undo(original, request) != approval.digest:
        raise Conflict(str(_CHANGED), code="approval_stale")
    undo.check(original, request, by=by)

    def granted(entry: EntryRef, moves: Moves) -> None:
        undo.begin(original, request, by=by, caused_by=entry, moves=moves)

    return granted


def _ready_to_attest(original: Any, approval: Any, by: ActorRef) -> Granted:
    evidence = approval.reason
    _check(original, approval, {"evidence": evidence})
    if digest_of_attestation(original, evidence) != approval.digest:
        raise Conflict(str(_CHANGED), code="approval_stale")

    def granted(entry: EntryRef, moves: Moves) -> None:
        # What it does writes by itself, and names the entry that grants it.
        moves.record()
        undo.attest(original, evidence=evidence, by=by, caused_by=entry)

    return granted


def _ready_to_abandon(original: Any, approval: Any, by: ActorRef) -> Granted:
    reason = approval.reason
    _check(original, approval, {"reason": reason})
    if digest_of_abandoning(original) != approval.digest:
        raise Conflict(str(_CHANGED), code="approval_stale")

    def granted(entry: EntryRef, moves: Moves) -> None:
        # As for an attestation.
        moves.record()
        undo.abandon(original, reason=reason, by=by, caused_by=entry)

    return granted


#: The verbs of undoing that may wait for approval.
GOVERNED = {
    "compensate": Governed(_ready_to_compensate, _("Undo of %(what)s")),
    "attest": Governed(_ready_to_attest, _("Word that %(what)s is undone")),
    "abandon": Governed(_ready_to_abandon, _("Giving up the undo of %(what)s")),
}
