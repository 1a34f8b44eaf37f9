"""Undoing that needs agreement: where policy or risk say so, the verb asks first, and no more.

What is agreed to is what is done: the digest is over the finished work, its policy, and the undo as
it would be asked for. Of free text only evidence counts.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import uuid
from collections.abc import Collection, Sequence
from typing import Any

from django.utils.translation import gettext as _

from accounts.selectors import actors_named
from compensation.actions.attempts import last_attempt
from compensation.lifecycle import Reversibility
from compensation.models import CompensationAttempt
from compensation.planning import UndoRequest
from compensation.policy import CompensationPolicy
from compensation.risk import CORRECTED, FOUR_EYES, needs_second, risk_of_row
from compensation.subject import undoable
from governance.actions.approval_requests import Wanted, ask
from governance.approvers import ANY_APPROVER, Approvers
from ledger.canonical import digest, payload_bytes
from ledger.errors import NotPermitted
from verbs.shell import VerbContext

#: How many approvers have to agree, where a policy says no more than that.
_HOW_MANY = {"none": 0, "one": 1, "two": 2}
# Why somebody asks, and on what legal ground, is not what is done.
_WORDS = ("reason", "regulatory_basis", "requested_by", "asked_by")


@dataclasses.dataclass(frozen=True, slots=True)
class AsksFirst:
    """What a verb answers with that waits for approval: the original, and the approval."""

    original: Any
    approval: Any


def needs_agreement(original: Any) -> bool:
    """Whether others have to agree to the undo of finished work: its policy says so, the risk is
    too high, or what cannot be undone is corrected.

    It is the rule of rollbacks (`risk.four_eyes`), so that what waits as a plan does not begin as
    an undo of one. The risk is that of the undo which the policy declares: a request for another
    mode hides none. A point of no return is no reason: no plan undoes it.
    """
    return needs_second(original) or original.reversibility == Reversibility.IRREVERSIBLE


def _steps(original: Any, policy: CompensationPolicy) -> list[Approvers]:
    """Return who agrees, step by step. Who was named and is gone stays named, and nobody else
    decides instead; the operators are told of a step that nobody is left for."""
    return agreed_by(original.tenant_id, [policy])


def agreed_by(tenant_id: uuid.UUID, policies: Sequence[CompensationPolicy]) -> list[Approvers]:
    """Return who agrees, step by step, as all of these want it: so many as the one that says most,
    then whoever is named by any of them."""
    words = [said.approval for said in policies if isinstance(said.approval, str)]
    lists = [said.approval for said in policies if isinstance(said.approval, tuple)]
    named = list(dict.fromkeys(step for steps in lists for step in steps))
    known = actors_named(tenant_id, {name for step in named for name in step.users})
    return [
        *[ANY_APPROVER] * max((_HOW_MANY[word] for word in words), default=0),
        *(
            Approvers(
                users=tuple(known[name] for name in step.users if name in known), groups=step.groups
            )
            for step in named
        ),
    ]


def asked_for(attempt: CompensationAttempt) -> set[uuid.UUID]:
    """Return who asked for an undo: in whose name it was begun, and who has tried it again."""
    request = UndoRequest.from_json(attempt.request)
    return {request.requested_by, *request.asked_by}


def require_another(original: Any, asked: Collection[uuid.UUID], by: uuid.UUID) -> None:
    """Raise NotPermitted where nobody's own word is enough about the undo of `original`, and it is
    the word of one of those who asked for that undo."""
    if by in asked and needs_second(original):
        raise NotPermitted(_("Somebody else than who asked for it has to decide that."))


def ask_to_compensate(
    original: Any, request: UndoRequest, given: dict[str, Any], context: VerbContext
) -> Any:
    """Ask for the undo of finished work."""
    return _ask(
        original, "compensate", context, reason=request.reason, given=given,
        digest=digest_of_undo(original, request),
        until=None if request.overrides_window else closes_at(original),
    )  # fmt: skip


def ask_to_attest(original: Any, evidence: str, context: VerbContext) -> Any:
    """Ask for a failed undo to count as done, on somebody's word."""
    return _ask(
        original, "attest", context, reason=evidence, given={},
        digest=digest_of_attestation(original, evidence),
    )  # fmt: skip


def ask_to_abandon(original: Any, reason: str, context: VerbContext) -> Any:
    """Ask for the effect of finished work to stand, although its undo failed."""
    return _ask(
        original, "abandon", context, reason=reason, given={},
        digest=digest_of_abandoning(original),
    )  # fmt: skip


def _why_not_alone(original: Any) -> str:
    risk = risk_of_row(original)
    return f"risk: {risk}" if risk in FOUR_EYES else CORRECTED


def _ask(original: Any, action: str, context: VerbContext, **what: Any) -> Any:
    policy = CompensationPolicy.from_json(original.policy)
    steps = _steps(original, policy)
    rule = {
        "policy": "compensation", "effect": "require_approval",
        "reason": f"approval: {policy.approval_in_words}",
    }  # fmt: skip
    if not policy.asks_others:
        # Nothing but the risk, or that it is a correction, asks for somebody else.
        steps = [ANY_APPROVER]
        rule |= {"policy": "four_eyes", "reason": _why_not_alone(original)}
    wanted = Wanted(action=action, steps=steps, decisions=[rule], **what)
    return ask(original, wanted, by=context.by)


def closes_at(original: Any) -> dt.datetime | None:
    """Return the last moment at which finished work can be undone; None where no time is set."""
    policy = CompensationPolicy.from_json(original.policy)
    return policy.closes_at(undoable(original.subject_type).finished_at(original))


def digest_of_undo(original: Any, request: UndoRequest) -> str:
    """Return the digest of the undo of finished work as it would be begun now."""
    asked = {name: said for name, said in request.to_json().items() if name not in _WORDS}
    return _digest(original, "compensate", asked)


def digest_of_attestation(original: Any, evidence: str) -> str:
    """Return the digest of the word that a failed undo is done: of its newest attempt as it ended.

    The version would say more than that: every note beside the original raises it.
    """
    last = last_attempt(original)
    asked = {"evidence": evidence, "attempt": last.number, "outcome": str(last.outcome)}
    return _digest(original, "attest", asked)


def digest_of_abandoning(original: Any) -> str:
    """Return the digest of letting the effect stand, after the undo that failed last."""
    return _digest(original, "abandon", {"attempt": last_attempt(original).number})


def _digest(original: Any, action: str, asked: dict[str, Any]) -> str:
    return digest(
        {
            "action": action,
            "subject": {"type": original.subject_type, "id": str(original.id)},
            "round": original.compensation_round,
            "reversibility": original.reversibility,
            "policy": CompensationPolicy.from_json(original.policy).digest,
            # Numbers of any size, which canonical JSON would refuse.
            "finished": _hash(undoable(original.subject_type).snapshot(original)),
            "asked": _hash(asked),
        }
    )


def _hash(value: Any) -> str:
    return hashlib.sha256(payload_bytes(value)).hexdigest()
