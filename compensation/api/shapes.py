"""The public shapes of plans and runs, and their OpenAPI. People are usernames (DESIGN §8).

A kind of thing with a preview answers to it with `PLAN_RESULT`: its app puts
`results={"compensation-plan": PLAN_RESULT}` into its Subject.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import Any

from rest_framework import serializers

from accounts.acting import Authority
from accounts.selectors import Person, people, people_of
from compensation import selectors
from compensation.actions.plan_execution import PLAN
from compensation.actions.run_verbs import RUN
from compensation.actions.step_verbs import STEP
from compensation.api.plan_schemas import (
    BasisSchema,
    ExceptionSchema,
    OriginalSchema,
    PlanSchema,
    RefSchema,
)
from compensation.lifecycle import LIVE_RUNS, RunStatus, StepStatus, Trigger
from compensation.plan import every_step
from compensation.policy import MODES, STRATEGIES
from compensation.selectors import RunWithSteps, StepWithAttempts
from compensation.subject import whole_subject
from compensation.waited_for import WaitsFor, waited_for
from governance.api.approval_json import ApprovalSchema
from governance.api.approval_json import represent_many as represent_approvals
from governance.selectors import about_many
from ledger.clock import rfc3339
from verbs.catalogue import Offer, offers_json, offers_of
from verbs.subject import ResultShape, subject_of
from web.schema import ActionSchema
from web.verb_api import address

# Where a piece of work names its case.
_CASE = "case_id"
_PLAN_STEP = (
    "n", "original", "completion_seq", "completed_at", "mode", "strategy", "performer",
    "candidate_groups", "deadline", "depends_on",
)  # fmt: skip


def _case_of(row: Any) -> str | None:
    """Return the case that a plan or run is in, which pieces of work name; None for another whole,
    which is its subject."""
    kind = whole_subject(row.whole_type)
    return _text(row.whole_id) if kind is not None and kind.column == _CASE else None


def plan(row: Any) -> dict[str, Any]:
    """Return a plan with its steps and exclusions."""
    finishers = [_id(step["completed_by"]) for step in every_step(row.content)]
    named = people(row.tenant_id, [row.created_by_id, *finishers])
    run_row = selectors.run_of_plan(row)
    return {
        "id": str(row.id),
        "digest": row.digest,
        "expires_at": rfc3339(row.expires_at),
        "created_at": rfc3339(row.created_at),
        "created_by": _username(named, row.created_by_id),
        "subject": {"type": row.subject_type, "id": str(row.subject_id)},
        "case": _case_of(row),
        "scope": row.scope,
        "strategy": row.strategy or None,
        "reason": row.reason,
        "regulatory_basis": row.regulatory_basis,
        "requires_approval": row.requires_approval,
        "waive": row.waive,
        "override_window": row.override_window,
        "resume_after": row.resume_after,
        "notifications": [],
        "steps": [_plan_step(step, named) for step in row.content["steps"]],
        "excluded": row.content["excluded"],
        "run": None if run_row is None else str(run_row.id),
    }


def _plan_step(step: Mapping[str, Any], named: Mapping[uuid.UUID, Person]) -> dict[str, Any]:
    """Return a step of a plan; of a whole of its own with its own plan inside."""
    nested = step.get("nested")
    return {
        **{name: step[name] for name in _PLAN_STEP},
        "completed_by": _username(named, _id(step["completed_by"])),
        "capability": step["capability"] or None,
        "candidate_users": step.get("candidate_users", []),
        **{name: step[name] for name in ("window_overridden",) if name in step},
        "nested": None
        if nested is None
        else {
            "digest": nested["digest"],
            "steps": [_plan_step(each, named) for each in nested["steps"]],
            "excluded": nested["excluded"],
        },
    }


def runs(
    rows: Sequence[Any], authority: Authority, *, most_steps: int | None = None
) -> list[dict[str, Any]]:
    """Return runs with steps (of each the first ones, where that is asked), attempts and progress,
    in bulk."""
    named = people_of(rows, (row.requested_by_id for row in rows))
    found = [
        dataclasses.replace(each, steps=each.steps[:most_steps])
        for each in selectors.with_steps(rows, without=["spec"])
    ]
    every = [each for one in found for each in one.steps]
    steps = [each.step for each in every]
    waits = waited_for(rows[0].tenant_id, every) if rows else {}
    offers = {
        **offers_of(subject_of(RUN), rows, authority),
        **offers_of(subject_of(STEP), steps, authority),
    }
    asked = [row.id for row in rows if row.asked_others]
    about = about_many(rows[0].tenant_id, RUN, asked) if asked else {}
    told = [approval for each in about.values() for approval in each]
    shown = {each["id"]: each for each in represent_approvals(told, authority)} if told else {}
    agreed = {id_: [shown[str(each.id)] for each in found_] for id_, found_ in about.items()}
    return [_run(each, named, offers, waits, agreed.get(each.run.id, [])) for each in found]


def run(row: Any, authority: Authority) -> dict[str, Any]:
    """Return one run."""
    return runs([row], authority)[0]


def _run(
    found: RunWithSteps,
    named: Mapping[uuid.UUID, Person],
    offers: Mapping[Any, list[Offer]],
    waits: Mapping[uuid.UUID, WaitsFor],
    approvals: list[dict[str, Any]],
) -> dict[str, Any]:
    row = found.run
    return {
        "id": str(row.id),
        "plan": str(row.plan_id),
        "status": str(row.status),
        "version": row.version,
        "subject": {"type": row.about_type, "id": str(row.about_id)},
        "case": _case_of(row),
        "trigger": row.trigger,
        "parent_run": _text(row.parent_run_id),
        "child_runs": [
            str(each.step.compensation_id)
            for each in found.steps
            if each.step.compensation_type == RUN
        ],
        "requested_by": _username(named, row.requested_by_id),
        "reason": row.reason,
        "regulatory_basis": row.regulatory_basis,
        "decisions": row.decisions,
        "exceptions": row.exceptions,
        "approvals": approvals,
        "resume_after": row.resume_after,
        "undo_progress": found.progress.to_json(),
        "waits_for": row.waits_for if row.status in LIVE_RUNS else [],
        "stopped": stopped(row),
        "steps": [
            _step(each, offers[each.step.id], waits.get(each.step.id)) for each in found.steps
        ],
        "started_at": rfc3339(row.started_at),
        "ended_at": _moment(row.ended_at),
        "available_actions": offers_json(offers[row.id]),
    }


def stopped(row: Any) -> dict[str, str] | None:
    """Return since when and why the engine of a run or a whole has stopped."""
    if row.stopped_since is None:
        return None
    return {"since": rfc3339(row.stopped_since), "error": row.stopped_error}


def _step(each: StepWithAttempts, offers: list[Offer], waits: WaitsFor | None) -> dict[str, Any]:
    step = each.step
    return {
        "n": step.n,
        "original": {
            "type": step.original_type,
            "id": str(step.original_id),
            "name": step.original_name,
        },
        "completion_seq": step.completion_seq,
        "status": str(step.status),
        "mode": step.mode,
        "strategy": step.strategy,
        "compensation": _ref(step.compensation_type, step.compensation_id),
        "attempts": [
            {
                "number": number,
                "started_at": rfc3339(attempt.started_at),
                "ended_at": _moment(attempt.ended_at),
                "outcome": attempt.outcome or None,
                "error": attempt.error or None,
                "mode": attempt.mode,
                "compensation": _ref(attempt.compensation_type, attempt.compensation_id),
            }
            for number, attempt in enumerate(each.attempts, start=1)
        ],
        "waits_for": None if waits is None else waiting(waits),
        "amendment": step.amendment,
        "error": each.error or None,
        "decisions": step.decisions,
        "started_at": _moment(step.started_at),
        "ended_at": _moment(step.ended_at),
        "available_actions": offers_json(offers),
    }


def waiting(waits: WaitsFor) -> dict[str, Any]:
    """Return whom a step waits for."""
    return {
        "since": rfc3339(waits.since),
        "users": list(waits.users),
        "groups": list(waits.groups),
        "capability": waits.capability or None,
        "tenant": waits.tenant or None,
        "request": waits.request or None,
    }


def _ref(type_: str, id_: uuid.UUID | None) -> dict[str, str] | None:
    return None if id_ is None else {"type": type_, "id": str(id_)}


def _username(named: Mapping[uuid.UUID, Person], actor_id: uuid.UUID | None) -> str | None:
    person = None if actor_id is None else named.get(actor_id)
    return None if person is None else person.username


def _id(value: str | None) -> uuid.UUID | None:
    return None if value is None else uuid.UUID(value)


def _text(value: uuid.UUID | None) -> str | None:
    return None if value is None else str(value)


def _moment(value: dt.datetime | None) -> str | None:
    return None if value is None else rfc3339(value)


class ProgressSchema(serializers.Serializer[Any]):
    """How far a run is."""

    done = serializers.IntegerField()
    failed = serializers.IntegerField()
    waiting = serializers.IntegerField()
    remaining = serializers.IntegerField()
    total = serializers.IntegerField()


class AwaitedSchema(OriginalSchema):
    """Forward work whose result a rollback waits for. An operator can settle its `outcome`."""

    status = serializers.CharField()
    since = serializers.DateTimeField()


class AttemptSchema(serializers.Serializer[Any]):
    """One try at one undo."""

    number = serializers.IntegerField()
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    outcome = serializers.CharField(allow_null=True)
    error = serializers.CharField(allow_null=True)
    mode = serializers.ChoiceField(choices=MODES)
    compensation = RefSchema()


class WaitsForSchema(serializers.Serializer[Any]):
    """Whom an undo waits for, and since when: people, groups, a program, or another organisation
    by its short name, with the hash of its ledger entry once it has been asked."""

    since = serializers.DateTimeField()
    users = serializers.ListField(child=serializers.CharField())
    groups = serializers.ListField(child=serializers.CharField())
    capability = serializers.CharField(allow_null=True)
    tenant = serializers.CharField(allow_null=True)
    request = serializers.CharField(allow_null=True)


class RunStepSchema(serializers.Serializer[Any]):
    """One step of a run."""

    n = serializers.IntegerField()
    original = OriginalSchema()
    completion_seq = serializers.IntegerField(allow_null=True)
    status = serializers.ChoiceField(choices=StepStatus.values)
    mode = serializers.ChoiceField(choices=MODES)
    strategy = serializers.ChoiceField(choices=STRATEGIES)
    compensation = RefSchema(allow_null=True)
    attempts = AttemptSchema(many=True)
    waits_for = WaitsForSchema(allow_null=True, help_text="Of a step that is under way.")
    amendment = serializers.BooleanField()
    error = serializers.CharField(allow_null=True)
    decisions = serializers.ListField(
        child=serializers.DictField(), help_text="The policies that were against its undo."
    )
    started_at = serializers.DateTimeField(allow_null=True)
    ended_at = serializers.DateTimeField(allow_null=True)
    available_actions = ActionSchema(many=True)


class StoppedSchema(serializers.Serializer[Any]):
    """Since when and why an engine has stopped."""

    since = serializers.DateTimeField()
    error = serializers.CharField()


class RunSchema(serializers.Serializer[Any]):
    """One compensation run."""

    id = serializers.UUIDField()
    plan = serializers.UUIDField()
    status = serializers.ChoiceField(choices=RunStatus.values)
    version = serializers.IntegerField()
    subject = RefSchema()
    case = serializers.UUIDField(allow_null=True)
    trigger = serializers.ChoiceField(choices=Trigger.values)
    parent_run = serializers.UUIDField(
        allow_null=True, help_text="The run of the case above, of which this is a step."
    )
    child_runs = serializers.ListField(
        child=serializers.UUIDField(), help_text="The runs of cases below that have begun."
    )
    requested_by = serializers.CharField(allow_null=True)
    reason = serializers.CharField()
    regulatory_basis = BasisSchema(many=True)
    decisions = serializers.ListField(
        child=serializers.DictField(),
        help_text="The policies that applied, and what else asks for approval.",
    )
    exceptions = ExceptionSchema(many=True)
    approvals = ApprovalSchema(many=True)
    resume_after = serializers.BooleanField()
    undo_progress = ProgressSchema()
    waits_for = AwaitedSchema(many=True)
    stopped = StoppedSchema(
        allow_null=True,
        help_text="Its news could not be handled: it does not go on before a retry. Of a run in a"
        " case, the case says so.",
    )
    steps = RunStepSchema(many=True)
    started_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    available_actions = ActionSchema(many=True)


def _address_of(subject_type: str) -> Callable[[Any], str]:
    return lambda row: address(subject_of(subject_type), row.id)


#: What a preview answers with, whatever it is about; its ETag is the digest to execute it with.
PLAN_RESULT = ResultShape(
    shape=lambda row, _authority: plan(row), schema=PlanSchema, tag=attrgetter("digest"),
    place=_address_of(PLAN),
)  # fmt: skip
#: What executing a plan answers with.
RUN_RESULT = ResultShape(shape=run, schema=RunSchema, place=_address_of(RUN))
