"""Firing steps: which bindings are ready, and what work that means. Engine only.

Everything that may be wrong with a step is found before anything is written. One whose condition
cannot be evaluated, or whose work cannot be opened, becomes a FAULTED plan item without work, with
the reason; the others open.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import uuid
from collections.abc import Collection, Mapping
from typing import Any

from accounts.selectors import actors_by_username, actors_named
from cases.actions.asked_when_opened import (
    asking,
    deadlines_said,
    due_asked,
    title_asked,
)
from cases.actions.context_writes import contexts_written
from cases.actions.rerouting import Reroute, reroute_of
from cases.actions.sub_cases import (
    NewSubCase,
    new_sub_case,
)
from cases.actions.task_templates import from_template
from cases.definitions import (
    Binding,
    CapabilityCall,
    CompiledDefinition,
    ContextChange,
    ExpressionFailed,
    Given,
    HumanTask,
    Readiness,
    SignalSent,
    SubCase,
    Throw,
    fires_by,
    given_to,
    names_of,
    rules_of,
    undo_policy,
)
from cases.models import Case
from cases.named_members import NamedMembers
from cases.plan_state import Changes, Fired, PlanState
from compensation.actions.automatic_runs import Wanted
from compensation.lifecycle import Trigger
from compensation.plan_scope import Scope
from compensation.policy import UNSPECIFIED
from compensation.sentences import title_of
from compensation.subject import Cause
from executions.actions.execution_opening import NewExecution, check_new
from json_values.comparison import comparable
from json_values.limits import GROWN_BYTES, GROWN_DEPTH, PAYLOAD_BYTES
from json_values.moments import NotAMoment
from ledger.clock import now
from ledger.dispatch.consumer_registry import Trouble
from ledger.errors import Invalid, Refusal, check_json
from workitems.actions.item_opening import NewWorkItem
from workitems.deadline_input import Deadlines
from workitems.deadlines import due_at_the_earliest, kept
from workitems.working_time import NeverOpen

# Trouble of the evaluator, not of the expression: trying again may help.
_TRANSIENT = frozenset({"unavailable"})
# A definition whose steps keep changing what starts them would go on for ever.
MAX_FIRINGS = 1_000
MAX_ERROR = 4000
_HEARD = {"signal": Trigger.SIGNAL, "event": Trigger.EVENT}
_DIGITS = 32


@dataclasses.dataclass(frozen=True, slots=True)
class Known:
    """A case with its definition and whom that names, and its context as the latest results make
    it, if they do."""

    case: Case
    definition: CompiledDefinition
    context: dict[str, Any]
    changes: Changes
    members: NamedMembers

    @property
    def triggered(self) -> int:
        """At which version there was something new to answer to."""
        return max(self.case.triggered, self.changes.since(None))


@dataclasses.dataclass(frozen=True, slots=True)
class NewSignal:
    """A signal that a step sends to its own case."""

    name: str
    data: Any


@dataclasses.dataclass(frozen=True, slots=True)
class NewThrow:
    """What a step wants undone of its own case."""

    wanted: Wanted


Work = NewWorkItem | NewExecution | NewSubCase | NewSignal | NewThrow


@dataclasses.dataclass(frozen=True, slots=True)
class Opening:
    """A binding that fires: the work that is opened for it, or why it cannot begin."""

    binding: Binding
    work: Work | None = None
    error: str = ""
    input_digest: str = ""
    rerouted: int = 0

    @property
    def is_over(self) -> bool:
        """Whether nobody waits for what it becomes: what has come since may start it at once."""
        return isinstance(self.work, NewSubCase) and not self.work.waits

    @property
    def trouble(self) -> str:
        """Why its case fails, "" when it is well."""
        return self.error and f"{self.binding.name}: {self.error}"


def why_failed(problem: ExpressionFailed) -> str:
    """Return why an expression failed. Raises Trouble where trying again may help."""
    if problem.code in _TRANSIENT:
        raise Trouble(f"jq is not to be had: {problem.detail}") from problem
    return f"{problem.detail} (in: {problem.expression})"


def waiting(known: Known, plan: PlanState, *, again: Collection[str] = ()) -> list[Binding]:
    """Return the bindings that may fire: with no open work, and not fired since there was something
    new to answer to; those of `again`, whose last try failed, whatever has changed since.

    One whose work was done and stands answers to what it reads alone. What it is given may have
    changed although no key that it asks for did: that is known only once it is given it.
    """
    triggered = known.triggered

    def may_fire(binding: Binding) -> bool:
        fired = plan.fired.get(binding.name)
        if binding.deaf:
            return False
        if fired is None:
            return True
        if fired.is_open:
            return False
        return binding.name in again or (
            fired.seen < triggered
            and not (binding.target.input_mapping is None and _has_seen_all(known, binding, fired))
        )

    return [each for each in known.definition.forward_bindings if may_fire(each)]


def _has_seen_all(known: Known, binding: Binding, fired: Fired) -> bool:
    """Whether its work stands, and no key that it looks at has changed since it fired."""
    return fired.stands and known.changes.since(fires_by(binding)) <= fired.seen


def openings(
    known: Known,
    ready: Readiness,
    plan: PlanState,
    cause: Cause,
    *,
    heard: Mapping[str, Mapping[str, Any]],
) -> list[Opening]:
    """Return what firing means, made ready to be written. `heard`: what has come for steps, as they
    see it over the context; these answer to that, whatever else they have seen."""
    definition = known.definition
    found = [
        _cannot_begin(definition.binding(name), why_failed(problem))
        for name, problem in ready.failed
    ]
    standing = {
        each.name
        for each in ready.fire
        if each.name not in heard
        and (fired := plan.fired.get(each.name)) is not None
        and _has_seen_all(known, each, fired)
    }
    written = contexts_written(known.context, ready.fire, may_stand=standing)
    seen = [_seen_by(known, each.name, written, heard) for each in ready.fire]
    every = given_to([binding.target for binding in ready.fire], seen)
    for binding, given in zip(ready.fire, every, strict=True):
        fired = plan.fired.get(binding.name)
        if fired is not None and fired.times >= MAX_FIRINGS:
            found.append(_cannot_begin(binding, f"has fired {MAX_FIRINGS} times"))
            continue
        digest = _digest(binding, given)
        if (
            fired is not None
            and fired.newest is not None
            and digest == fired.newest.input_digest != ""
            and binding.name in standing
        ):
            continue
        reroute = reroute_of(binding, fired)
        try:
            change = written.get(binding.name)
            if isinstance(change, ExpressionFailed):
                raise change
            came = heard.get(binding.name, {})
            work = _work(known, binding, given, cause, reroute=reroute, came=came)
            if isinstance(work, NewExecution):
                check_new(work)
            found.append(Opening(binding, work, "", digest, reroute.attempts))
        except Refusal as refusal:
            found.append(_cannot_begin(binding, refusal.in_words))
        except ExpressionFailed as problem:
            found.append(_cannot_begin(binding, why_failed(problem)))
    return found


def _seen_by(
    known: Known,
    step: str,
    written: Mapping[str, ContextChange | ExpressionFailed],
    heard: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the context as a step sees it, with what it has written and heard. Whoever has done
    neither sees one and the same, which is asked about once then."""
    change = written.get(step)
    context = change.after if isinstance(change, ContextChange) else known.context
    return {**context, **heard[step]} if step in heard else context


def _digest(binding: Binding, given: Given) -> str:
    """Return what tells a mapped input from any other one; "" where nothing was mapped."""
    if binding.target.input_mapping is None or isinstance(given.value, ExpressionFailed):
        return ""
    return hashlib.sha256(comparable(given.value).encode()).hexdigest()[:_DIGITS]


def _checked(value: Any) -> dict[str, Any]:
    """Return the input of a step. Raises what is wrong with it."""
    if isinstance(value, ExpressionFailed):
        raise value
    if not isinstance(value, dict):
        raise Invalid.field("/input", "the inputMapping must give an object")
    check_json(value, "/input", limit=GROWN_BYTES + PAYLOAD_BYTES, depth=GROWN_DEPTH)
    # It may be the context itself, which others see too.
    return dict(value)


def _wanted(case: Case, name: str, target: Throw, trigger: Trigger) -> Wanted:
    scope = Scope(kind=target.scope, step=target.step or "", steps=target.steps)
    reason = f"{title_of(name)}: a step of {case.title} has a part of it undone"
    return Wanted(scope, reason, resumes=target.then == "resume", trigger=trigger)


def _trigger(came: Mapping[str, Any]) -> Trigger:
    """Return what lets a step begin that answers to this; a moment that comes is a rule's too."""
    return next((_HEARD[word] for word in came if word in _HEARD), Trigger.RULE)


def _told(given: Given) -> Any:
    """Return what a signal says. Raises what is wrong with it."""
    if isinstance(given.value, ExpressionFailed):
        raise given.value
    check_json(given.value, "/data")
    return given.value


def _cannot_begin(binding: Binding, reason: str) -> Opening:
    return Opening(binding, error=reason[:MAX_ERROR])


def _work(
    known: Known,
    binding: Binding,
    given: Given,
    cause: Cause,
    *,
    reroute: Reroute,
    came: Mapping[str, Any],
) -> Work:
    """Return the work that a binding becomes. Raises why it becomes none. `reroute`: for whom it
    is not, beside those whom its definition names; `came`: what has come for it, if it answers to
    that."""
    case, policy, target = known.case, undo_policy(known.definition, binding), binding.target
    if isinstance(target, SignalSent):
        return NewSignal(target.signal, _told(given) if target.input_mapping else None)
    if isinstance(target, Throw):
        return NewThrow(_wanted(case, binding.name, target, _trigger(came)))
    value = _checked(given.value)
    if isinstance(target, SubCase):
        return new_sub_case(case, known.definition, binding.name, target, value)
    said: dict[str, Any] = {
        "tenant_id": case.tenant_id,
        "policy": {} if policy is None else policy.to_json(),
        "case_id": case.id,
        "binding": binding.name,
        "remote": None if binding.remote is None else binding.remote.of(value),
    }
    if isinstance(target, HumanTask):
        target = asking(target, given.said)
        people, missing = known.members.called(target.candidate_users)
        title = title_asked(target, given.said)
        new = NewWorkItem(
            **said,
            title=title,
            created_by=cause.by.id,
            payload=value,
            candidate_groups=target.candidate_groups,
            candidate_users=people,
            people_missing=missing,
            permitted_outcomes=names_of(target.outcomes),
            outcome_rules=rules_of(target.outcomes),
            form=target.form,
            resolution_schema=dict(target.resolution_schema) if target.resolution_schema else None,
            excluded=sorted(
                {*actors_named(case.tenant_id, target.excluded_users).values(), *reroute.excluded}
            ),
            asked_again=reroute.attempts > 0,
            excluded_groups=target.excluded_groups,
            not_completed_by=target.not_completed_by,
            required_skills=target.required_skills,
            **_who_answers(case.tenant_id, target),
            priority=target.priority,
            reversibility=binding.reversibility,
            **_by_when(target, due_asked(target, given.said)),
        )
        if target.template_ref is None:
            return new
        return from_template(new, target.template_ref, titled=title != binding.name)
    return _execution(known, binding, target, {**said, "requested_by": cause.by.id, "input": value})


def _execution(
    known: Known, binding: Binding, target: CapabilityCall, said: Mapping[str, Any]
) -> NewExecution:
    """Return the execution that a step becomes."""
    agents, _missing = known.members.called([target.performer] if target.performer else [])
    return NewExecution(
        **said,
        performer=agents[0] if agents else None,
        capability=target.capability,
        reason=f"{title_of(binding.name)}: a step of {known.case.title}",
        reversibility=None if binding.reversibility == UNSPECIFIED else binding.reversibility,
    )


def _who_answers(tenant_id: uuid.UUID, target: HumanTask) -> dict[str, Any]:
    """Return who answers for a task that is opened now, and who looks on: whoever of those it names
    is an active member."""
    names = {*target.stakeholders, *([target.owner] if target.owner else [])}
    if not names:
        return {}
    known = actors_by_username(tenant_id, sorted(names))
    return {
        "owner_id": known.get(target.owner or ""),
        "stakeholders": [known[name] for name in target.stakeholders if name in known],
    }


def _by_when(target: HumanTask, due_at: dt.datetime | None) -> dict[str, Any]:
    """Return the deadlines of a task that is opened now; `due_at`: when it is due, apart from
    these. Raises Invalid."""
    said = deadlines_said(target)
    if not said:
        return {"due_at": due_at}
    try:
        found = kept(Deadlines.model_validate(said), now())
    except (NeverOpen, NotAMoment) as wrong:
        raise Invalid.field("/deadlines", f"the calendar {wrong}") from None
    deadlines, due_at = due_at_the_earliest(found, due_at)
    return {"deadlines": deadlines, "due_at": due_at}
