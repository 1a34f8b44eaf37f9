"""The verbs of undoing one thing by itself, declared for each kind that allows it (DESIGN §5).

`compensate` begins the undo of finished work: COMPENSATING, and in the same transaction the undo
task or the execution that does it. The others decide about an undo that failed, or call one back
that has not started. An undo that belongs to a run is decided about at the run's step.
"""

from __future__ import annotations

import dataclasses
import functools
import uuid
from collections.abc import Mapping
from typing import Any, Literal

from django.utils.translation import gettext as _

from accounts.acting import Authority
from accounts.roles import ActorType
from accounts.selectors import active_actors, actors_by_username
from compensation.actions import undo
from compensation.actions.approval_needed import (
    AsksFirst,
    ask_to_abandon,
    ask_to_attest,
    ask_to_compensate,
    closes_at,
    needs_agreement,
)
from compensation.actions.attempts import last_attempt, newest_attempt
from compensation.errors import (
    AlreadyCompensated,
    CaseClosed,
    Irreversible,
    ManagedByRun,
    NotCompensable,
    RunLive,
    UndoStarted,
    WindowClosed,
)
from compensation.facts import UndoFacts
from compensation.lifecycle import AttemptOutcome, CompensationState
from compensation.locking import lock_row, lock_rows
from compensation.models import CompensationAttempt
from compensation.planning import UndoRequest, request_of
from compensation.policy import CompensationPolicy
from compensation.regulatory_basis import GivenBases, parse_regulatory_basis
from compensation.risk import needs_second
from compensation.sentences import too_late_words
from compensation.subject import Standing, undoable, whole_of
from governance.errors import DeniedByPolicy, SecondFactorRequired
from ledger.clock import now
from ledger.errors import Conflict, Invalid, NotFound, NotPermitted, Refusal
from verbs import catalogue
from verbs.input import (
    Evidence,
    Input,
    Name,
    Names,
    OptionalReason,
    OptionalText,
    Reason,
    Text,
)
from verbs.operation import Operation
from verbs.shell import Verb, VerbContext, wrong_state
from verbs.subject import Locked


@dataclasses.dataclass(frozen=True, slots=True)
class Compensation:
    """What these verbs answer with: the original and the attempt it is about."""

    original: Any
    attempt: CompensationAttempt


class Performer(Input):
    """Who shall undo it: a person, or any member of the groups."""

    assignee: Name | None = None
    candidate_groups: Names = []


class AnotherPerformer(Performer):
    """Who shall undo it now, and why, if there is something to say."""

    reason: OptionalText = ""


class Compensate(Performer):
    """Why finished work shall be undone, and, if not as its policy says, how and by whom.
    `override_window`: although its time is over, on an operator's word."""

    reason: Text
    regulatory_basis: GivenBases = None
    strategy: Literal["restore", "correct"] | None = None
    mode: Literal["human", "automated"] | None = None
    override_window: bool = False


def declare_undo_verbs(
    subject_type: str, operations: Mapping[str, Operation]
) -> dict[str, Verb[Compensation]]:
    """Declare the verbs of undoing one of a kind by itself, and return them by name."""

    def declared(name: str, function: Any, **how: Any) -> Verb[Compensation]:
        return catalogue.declare(
            Verb(
                subject_type=subject_type, operation=operations[name], transitions=False,
                function=functools.partial(_answered, function), description=function.__doc__,
                **how,
            )
        )  # fmt: skip

    def decision(name: str, **how: Any) -> Verb[Compensation]:
        return declared(
            name, state=functools.partial(_decidable, operations[name]),
            locked=functools.partial(_locked, subject_type), route=f"compensation/{name}",
            of_undo=True, **how,
        )  # fmt: skip

    return {
        "compensate": declared(
            "compensate", _compensate, action="compensation_started", input=Compensate, status=201,
            dangerous=True, state=functools.partial(check_compensable, operations["compensate"]),
            noted=(WindowClosed, Irreversible, DeniedByPolicy, SecondFactorRequired),
            noted_as="compensation_refused",
        ),
        **{name: decision(name, **how) for name, how in _DECISIONS.items()},
    }  # fmt: skip


def check_compensable(
    operation: Operation, row: Any, facts: UndoFacts, body: Mapping[str, Any] | None
) -> Refusal | None:
    """Return the 409 that DESIGN §5 names unless `row` may be compensated now."""
    if row.undoes_id is not None:
        return NotCompensable()
    extra = {"current_status": str(row.status)}
    if row.status == CompensationState.COMPENSATED:
        return AlreadyCompensated(extra=extra)
    if row.status not in (operation.sources or ()):
        return Conflict(_("Only completed work can be undone."), extra=extra)
    in_the_way = None if facts.standing is None else _whole_says(facts.standing, str(row.status))
    if in_the_way is not None:
        return in_the_way
    unfit = facts.unfit if body is None else None
    # An offer is of the undo that its policy declares. Asked with a body, the same refusal comes
    # where that undo is opened; with another `mode` it does not come at all.
    refused = None if unfit is None else Refusal(unfit.in_words, code="undo_unfit", extra=extra)
    return refused or _out_of_reach(row, body, extra)


def _whole_says(standing: Standing, status: str) -> Refusal | None:
    """Return what the whole of an item has against its undo, as it has against a run about it."""
    if standing.closed:
        return CaseClosed(extra={"current_status": status})
    if standing.live_run is not None:
        return RunLive(standing.live_run, status)
    return standing.held_up


def _out_of_reach(
    row: Any, body: Mapping[str, Any] | None, extra: dict[str, str]
) -> Refusal | None:
    """Return what the item's own declaration has against it. An offer has no strategy yet."""
    policy = CompensationPolicy.from_json(row.policy).effective()
    closed = closes_at(row)
    wanted = body is not None and body.get("override_window") is True
    if closed is not None and now() > closed and not wanted:
        return WindowClosed(too_late_words(closed), extra=extra)
    strategy = "correct" if body is None else body.get("strategy") or policy.strategy
    if row.reversibility == "irreversible" and strategy != "correct":
        return Irreversible(extra={**extra, "alternatives": ["strategy: correct"]})
    return None


def _decidable(
    operation: Operation, row: Any, facts: UndoFacts, _body: Mapping[str, Any] | None
) -> Refusal | None:
    refused = wrong_state(operation, row)
    if refused is not None:
        return refused
    extra = {"current_status": str(row.status)}
    if facts.last is not None and facts.last.run_id is not None:
        return ManagedByRun(extra={"run": str(facts.last.run_id), **extra})
    in_doubt = facts.last is not None and facts.last.outcome == AttemptOutcome.UNCERTAIN
    if operation.name == "abandon" and in_doubt:
        return Conflict(str(undo.IN_DOUBT), code="outcome_unknown", extra=extra)
    if operation.name == "withdraw" and facts.started:
        return UndoStarted(extra=extra)
    return None


def _locked(subject_type: str, tenant_id: uuid.UUID, id_: uuid.UUID) -> Locked:
    """Lock an original with what undoes it, in lock order.

    Ending an undo locks the same two: a settlement that is under way ends first, and is then seen.
    """
    last = newest_attempt(tenant_id, subject_type, id_)
    refs = [(subject_type, id_)]
    if last is not None:
        refs.append((last.compensation_type, last.compensation_id))
    rows = lock_rows(tenant_id, refs, finished=True)
    if id_ not in rows:
        raise NotFound
    return Locked(rows[id_], None if last is None else rows.get(last.compensation_id))


def _answered(
    function: Any, original: Any, given: Input, context: VerbContext
) -> Compensation | AsksFirst:
    done = function(original, given, context)
    if isinstance(done, CompensationAttempt):
        return Compensation(original, done)
    return AsksFirst(original, done)


def _compensate(original: Any, given: Compensate, context: VerbContext) -> Any:
    """Have finished work undone; where policy or risk ask for approval, once that is granted."""
    request = request_for(original, given, requested_by=context.authority.actor_id)
    _check_override(original, given, context)
    if needs_agreement(original):
        undo.check(original, request, by=context.by)
        body = {name: said for name, said in given if said and name != "reason"}
        return ask_to_compensate(original, request, body, context)
    return undo.begin(original, request, by=context.by)


def _check_override(original: Any, given: Compensate, context: VerbContext) -> None:
    """Raise NotPermitted where the time that is over would not count for one who is no operator, or
    no person; Invalid where it is not over: a word in advance would hide that it came to matter."""
    if not given.override_window:
        return
    if not may_override(context.authority):
        raise NotPermitted(_("Only an operator may have something undone after its time."))
    closes = closes_at(original)
    if closes is None or now() <= closes:
        said = _("it is not too late to undo it")
        raise Invalid.field("/override_window", said, code="not_too_late")


def may_override(authority: Authority) -> bool:
    """Whether a time that is over does not count on this one's word: an operator's, a person's."""
    return authority.is_operator and authority.actor_type == ActorType.HUMAN


def request_for(original: Any, given: Compensate, *, requested_by: uuid.UUID) -> UndoRequest:
    """Return what the undo of `original` is told. Raises Invalid for what its policy rules out."""
    policy = CompensationPolicy.from_json(original.policy)
    said = policy.effective()
    mode = given.mode or said.mode or "human"
    if mode == "automated" and not said.capability:
        raise Invalid.field("/mode", _("the item's policy names no capability that exists"))
    if mode == "automated" and (given.assignee or given.candidate_groups):
        raise Invalid.field("/mode", _("an automated undo has no assignee and no groups"))
    basis = parse_regulatory_basis(given.regulatory_basis)
    request = request_of(
        policy, reason=given.reason, requested_by=requested_by, strategy=given.strategy
    )
    request = _by(
        original, request, given, mode=mode, regulatory_basis=tuple(basis),
        capability=(said.capability or "") if mode == "automated" else "",
        overrides_window=given.override_window,
    )  # fmt: skip
    return as_whole_says(original, request)


def as_whole_says(original: Any, request: UndoRequest) -> UndoRequest:
    """Return what the undo of a piece is told: what the whole it belongs to has declared for it."""
    of = whole_of(original)
    whole = None if of is None else of[0].read_many(original.tenant_id, [of[1]]).get(of[1])
    return request if of is None or whole is None else of[0].request(whole, original, request)


def _retry(original: Any, given: OptionalReason, context: VerbContext) -> CompensationAttempt:
    """Try the same undo again."""
    return undo.retry(original, None, by=context.by, reason=given.reason)


def _reassign(original: Any, given: AnotherPerformer, context: VerbContext) -> CompensationAttempt:
    """Have another person or group undo it."""
    require_somebody(given)
    request = for_person(original, last_request(original), given)
    return undo.retry(
        original, request, action="compensation_reassigned", by=context.by, reason=given.reason
    )


def _hand_to_human(
    original: Any, given: AnotherPerformer, context: VerbContext
) -> CompensationAttempt:
    """Let a person do what the program could not."""
    request = for_person(original, last_request(original), given)
    return undo.retry(
        original, request, action="compensation_handed_to_human", by=context.by, reason=given.reason
    )


def _attest(original: Any, given: Evidence, context: VerbContext) -> Any:
    """Vouch, with evidence, that it is undone; others agree where policy or risk ask for it."""
    if needs_second(original):
        return ask_to_attest(original, given.evidence, context)
    return undo.attest(original, evidence=given.evidence, by=context.by)


def _abandon(original: Any, given: Reason, context: VerbContext) -> Any:
    """Let the effect stand, with a reason; others agree where policy or risk ask for it."""
    if needs_second(original):
        return ask_to_abandon(original, given.reason, context)
    return undo.abandon(original, reason=given.reason, by=context.by)


def _withdraw(original: Any, given: OptionalReason, context: VerbContext) -> CompensationAttempt:
    """Call an undo back that has not started."""
    last, row = last_attempt(original), context.others
    if row is None or row.id != last.compensation_id:
        row = lock_row(original.tenant_id, last.compensation_type, last.compensation_id)
    subject = undoable(last.compensation_type)
    if row is None or not subject.not_started(row):
        raise UndoStarted(extra={"current_status": str(original.status)})
    entry = undo.withdraw(original, reason=given.reason, by=context.by)
    subject.call_off(row, by=context.by, caused_by=entry, reason=given.reason)
    return last


#: The verbs that decide about an undo, as `declare_undo_verbs` declares them.
_DECISIONS: Mapping[str, dict[str, Any]] = {
    "retry": {"action": "compensation_retried", "function": _retry, "input": OptionalReason},
    "reassign": {
        "action": "compensation_reassigned", "function": _reassign, "input": AnotherPerformer,
    },
    "hand-to-human": {
        "action": "compensation_handed_to_human", "function": _hand_to_human,
        "input": AnotherPerformer,
    },
    "attest": {"action": "compensation_attested", "function": _attest, "input": Evidence},
    "abandon": {
        "action": "compensation_abandoned", "function": _abandon, "input": Reason,
        "dangerous": True,
    },
    "withdraw": {
        "action": "compensation_withdrawn", "function": _withdraw, "input": OptionalReason,
    },
}  # fmt: skip


def last_request(original: Any) -> UndoRequest:
    """Return what the newest attempt was asked."""
    return UndoRequest.from_json(last_attempt(original).request)


def require_somebody(given: Performer) -> None:
    """Raise Invalid when neither a person nor a group is named."""
    if given.assignee is None and not given.candidate_groups:
        raise Invalid.field("/assignee", _("name an assignee or candidate_groups"), code="required")


def for_person(original: Any, request: UndoRequest, given: Performer) -> UndoRequest:
    """Return a request, now for a person: a named one, a group, or whom the policy names.

    Raises Invalid when the named one is no active member.
    """
    return _by(original, request, given, mode="human", capability="")


def _by(original: Any, request: UndoRequest, given: Performer, **how: Any) -> UndoRequest:
    """Return a request for the one who is named, or a group; whom the policy excludes stays out."""
    to_group = given.candidate_groups and request.performer == "original_actor"
    return dataclasses.replace(
        request,
        assignee_id=actor_called(original.tenant_id, given.assignee),
        performer="groups" if to_group else request.performer,
        candidate_groups=tuple(given.candidate_groups) or request.candidate_groups,
        candidate_users=() if given.candidate_groups else request.candidate_users,
        **how,
    )


def actor_called(
    tenant_id: uuid.UUID, username: str | None, *, pointer: str = "/assignee"
) -> uuid.UUID | None:
    """Return the active member of this name; None for None. Raises Invalid for an unknown name."""
    if username is None:
        return None
    found = actors_by_username(tenant_id, [username]).get(username)
    if found is None or found not in active_actors(tenant_id, [found]):
        message = _("There is nobody of this name here.")
        raise Invalid.field(pointer, message, code="unknown")
    return found
