"""Approvals as JSON (DESIGN §8), and the OpenAPI of that. People are usernames, groups names."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rest_framework import serializers

from accounts.acting import Authority
from accounts.roles import Role
from accounts.selectors import Person, people_of
from governance.actions.approval_verbs import APPROVAL
from governance.lifecycle import ApprovalStatus, StepDecision
from governance.selectors import with_steps
from ledger.clock import rfc3339
from verbs.catalogue import offers_json, offers_of
from verbs.subject import subject_of
from web.schema import ActionSchema

_Named = Mapping[uuid.UUID, Person]


class ApprovalSubjectSchema(serializers.Serializer[Any]):
    """What it is about."""

    type = serializers.CharField()
    id = serializers.UUIDField()


class ApproversSchema(serializers.Serializer[Any]):
    """Who decides a step: any one of them."""

    users = serializers.ListField(child=serializers.CharField())
    groups = serializers.ListField(child=serializers.CharField())
    roles = serializers.ListField(child=serializers.ChoiceField(choices=Role.values))


class ApprovalStepSchema(serializers.Serializer[Any]):
    """One step, and what was said to it."""

    n = serializers.IntegerField()
    approvers = ApproversSchema()
    decided_by = serializers.CharField(allow_null=True)
    decision = serializers.ChoiceField(
        choices=[each for each in StepDecision.values if each], allow_null=True
    )
    reason = serializers.CharField(allow_null=True)
    at = serializers.DateTimeField(allow_null=True)


class ApprovalSchema(serializers.Serializer[Any]):
    """What somebody wants done, and who agrees to it, step by step."""

    id = serializers.UUIDField()
    subject = ApprovalSubjectSchema()
    action = serializers.CharField(help_text="The verb that is done once it is granted.")
    digest = serializers.CharField(
        help_text="Over all that matters of it: what is approved is what is done."
    )
    status = serializers.ChoiceField(choices=ApprovalStatus.values)
    version = serializers.IntegerField()
    case = serializers.UUIDField(allow_null=True)
    requested_by = serializers.CharField(allow_null=True)
    asked_by = serializers.ListField(
        child=serializers.CharField(),
        help_text="Who asked for it beside `requested_by`, as who opened its case.",
    )
    reason = serializers.CharField()
    decisions = serializers.ListField(
        child=serializers.DictField(), help_text="Which rules ask for it."
    )
    steps = ApprovalStepSchema(many=True)
    ended_because = serializers.CharField(
        allow_null=True, help_text="Why it was refused or withdrawn, or what had changed."
    )
    created_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    available_actions = ActionSchema(many=True)


class AwaitsApprovalSchema(serializers.Serializer[Any]):
    """The answer of a verb that is done once this is granted."""

    approval = ApprovalSchema()


def represent_many(rows: Sequence[Any], authority: Authority) -> list[dict[str, Any]]:
    """Return the shapes of approvals: a constant number of queries."""
    with_steps(rows)
    named = people_of(rows, _people_in(rows))
    offers = offers_of(subject_of(APPROVAL), rows, authority)
    return [
        {
            "id": str(row.id),
            "subject": {"type": row.about_type, "id": str(row.about_id)},
            "action": row.action,
            "digest": row.digest,
            "status": str(row.status),
            "version": row.version,
            "case": None if row.case_id is None else str(row.case_id),
            "requested_by": _username(named, row.requested_by_id),
            "asked_by": _usernames(named, row.asked_by),
            "reason": row.reason,
            "decisions": row.decisions,
            "steps": [_step(step, named) for step in row.ordered],
            "ended_because": row.ended_because or None,
            "created_at": rfc3339(row.created_at),
            "expires_at": rfc3339(row.expires_at),
            "ended_at": None if row.ended_at is None else rfc3339(row.ended_at),
            "available_actions": offers_json(offers[row.id]),
        }
        for row in rows
    ]


def represent(row: Any, authority: Authority) -> dict[str, Any]:
    """Return the shape of one approval."""
    [shape] = represent_many([row], authority)
    return shape


def _people_in(rows: Sequence[Any]) -> Iterator[uuid.UUID | None]:
    for row in rows:
        yield row.requested_by_id
        yield from map(uuid.UUID, row.asked_by)
        for step in row.ordered:
            yield step.decided_by_id
            yield from map(uuid.UUID, step.users)


def _step(step: Any, named: _Named) -> dict[str, Any]:
    return {
        "n": step.n,
        "approvers": {
            "users": _usernames(named, step.users),
            "groups": sorted(step.groups),
            "roles": sorted(step.roles),
        },
        "decided_by": _username(named, step.decided_by_id),
        "decision": str(step.decision) or None,
        "reason": step.reason or None,
        "at": None if step.at is None else rfc3339(step.at),
    }


def _usernames(named: _Named, actors: Iterable[str]) -> list[str]:
    found = (_username(named, uuid.UUID(actor)) for actor in actors)
    return sorted(name for name in found if name is not None)


def _username(named: _Named, actor_id: uuid.UUID | None) -> str | None:
    person = None if actor_id is None else named.get(actor_id)
    return None if person is None else person.username
