"""Work items and causal chains as JSON: their public shapes (DESIGN §8), and the OpenAPI of those.

People are usernames, groups are names.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, get_args

from rest_framework import serializers
from rest_framework.response import Response
from typing_extensions import override

from accounts.acting import Authority
from accounts.selectors import people
from compensation.actions.undo_verbs import Compensation
from compensation.lifecycle import CompensationState, Reversibility
from compensation.policy import MODES, STRATEGIES
from compensation.regulatory_basis import CODES
from executions import selectors as execution_selectors
from executions.api import execution_json
from executions.api.execution_json import Schema, UndoLinkSchema, members, moment, undoable_members
from ledger.clock import rfc3339
from web.api import TenantAPIView
from web.form_layout import Widget
from web.pagination import page_of_list
from web.schema import ActionSchema
from workitems import selectors
from workitems.actions.spawning import Spawned
from workitems.api.outcome_json import OutcomeSchema, represent_outcome
from workitems.chain import Chain, edges
from workitems.deadlines import limits_of
from workitems.delegations import ANSWERS
from workitems.instance_models import Meeting, OnMet
from workitems.instances_read import Instances, instances_of
from workitems.lifecycle import Kind, OfferedTo, Priority, Status
from workitems.selectors import Shown
from workitems.words import said_outcome

WORK_ITEM = "work_item"


class WorkItemBasisSchema(Schema):
    """Why the law or a rule lets or makes us take work back."""

    code = serializers.ChoiceField(choices=CODES)
    note = serializers.CharField(allow_blank=True)


class WorkItemLinkSchema(UndoLinkSchema):
    """A work item or an execution."""


class CompensationBlockSchema(Schema):
    """Why an undo task exists, and the original as it was at completion."""

    requested_by = serializers.CharField()
    reason = serializers.CharField()
    regulatory_basis = WorkItemBasisSchema(many=True)
    strategy = serializers.ChoiceField(choices=STRATEGIES)
    mode = serializers.ChoiceField(choices=MODES)
    run = serializers.UUIDField(allow_null=True)
    step = serializers.IntegerField(allow_null=True)
    attempt = serializers.IntegerField()
    original_snapshot = serializers.DictField()
    replaced_performer = serializers.CharField(allow_blank=True)


class DelegationSchema(Schema):
    """Who handed it to whom, and what they answered; empty while they have not."""

    to = serializers.CharField(allow_null=True)
    by = serializers.CharField(allow_null=True)
    at = serializers.DateTimeField()
    answer = serializers.ChoiceField(choices=ANSWERS)

    @override
    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Return the fields; one has a name that Python keeps for itself."""
        return {"from": serializers.CharField(allow_null=True), **super().get_fields()}


class DeadlineSchema(Schema):
    """By when; what happens when that is missed, step by step, and how many steps were taken."""

    due_at = serializers.DateTimeField(allow_null=True, help_text="Null: nothing happens any more.")
    missed_at = serializers.DateTimeField(allow_null=True, help_text="The last time.")
    breach = serializers.ListField(child=serializers.DictField())
    step = serializers.IntegerField()


class MadeFromSchema(Schema):
    """The version of a template that an item was made from."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    version = serializers.IntegerField()


class ListeningSchema(Schema):
    """A type of event because of which it is undone by itself, and a filter of those, in jq."""

    type = serializers.CharField()
    filter = serializers.CharField(allow_blank=True)


class FormGroupSchema(Schema):
    """Members that are asked for under a title."""

    title = serializers.CharField()
    fields = serializers.ListField(child=serializers.CharField())  # type: ignore[assignment]  # as label


class FormLayoutSchema(Schema):
    """How the form of the result is laid out. What was not said is left out."""

    order = serializers.ListField(child=serializers.CharField(), required=False)
    widgets = serializers.DictField(
        child=serializers.ChoiceField(choices=get_args(Widget)), required=False
    )
    groups = FormGroupSchema(many=True, required=False)


class InstancesSchema(Schema):
    """The instances of one task that an item is one of, and how many have to be completed."""

    id = serializers.UUIDField()
    instances = serializers.IntegerField()
    required = serializers.IntegerField()  # type: ignore[assignment]  # a field takes this name's place
    on_met = serializers.ChoiceField(
        choices=OnMet.values, help_text="What becomes of the open ones once enough are completed."
    )
    outcomes = serializers.ListField(
        child=serializers.CharField(), help_text="Those that count; empty: any."
    )
    state = serializers.ChoiceField(choices=Meeting.values)
    completed = serializers.IntegerField(help_text="How many were, with an outcome that counts.")
    items = serializers.ListField(child=serializers.UUIDField())


class WorkItemSchema(Schema):
    """A work item."""

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=Kind.values)
    title = serializers.CharField()
    status = serializers.ChoiceField(choices=Status.values)
    compensation_state = serializers.ChoiceField(choices=CompensationState.values)
    version = serializers.IntegerField()
    priority = serializers.ChoiceField(choices=Priority.names)
    assignee = serializers.CharField(allow_null=True)
    candidate_users = serializers.ListField(child=serializers.CharField())
    candidate_groups = serializers.ListField(child=serializers.CharField())
    offered_to = serializers.ChoiceField(
        choices=OfferedTo.values, help_text="Whom it is for while nobody has it."
    )
    people_missing = serializers.ListField(
        child=serializers.CharField(),
        help_text="Usernames it was meant for who were no active members when it was opened.",
    )
    owner = serializers.CharField(
        allow_null=True, help_text="Who answers for how it ends, and may steer it."
    )
    stakeholders = serializers.ListField(
        child=serializers.CharField(), help_text="Who is told of what becomes of it."
    )
    excluded_users = serializers.ListField(
        child=serializers.CharField(), help_text="Usernames of those who may never take it."
    )
    excluded_groups = serializers.ListField(child=serializers.CharField())
    required_skills = serializers.ListField(
        child=serializers.CharField(), help_text="What whoever takes it must be able to do."
    )
    payload = serializers.DictField()
    outcome = serializers.CharField(allow_null=True)
    outcome_reason = serializers.CharField(
        allow_null=True, help_text="What whoever completed it said beside the outcome."
    )
    resolution = serializers.JSONField()
    outcome_label = serializers.CharField(
        allow_null=True, help_text="What people read for the outcome."
    )
    permitted_outcomes = serializers.ListField(
        child=serializers.CharField(), help_text="Their names. What else is said of them: outcomes."
    )
    outcomes = OutcomeSchema(many=True)
    resolution_schema = serializers.JSONField()
    form = FormLayoutSchema(allow_null=True)
    case = serializers.UUIDField(allow_null=True)
    binding = serializers.CharField(allow_null=True)
    compensates = serializers.UUIDField(allow_null=True)
    undoes = WorkItemLinkSchema(allow_null=True)
    compensated_by = serializers.ListField(child=serializers.UUIDField())
    compensations = WorkItemLinkSchema(many=True)
    compensation = CompensationBlockSchema(allow_null=True)
    compensation_policy = serializers.DictField()
    reversibility = serializers.ChoiceField(choices=Reversibility.values)
    compensate_on = ListeningSchema(many=True)
    derived_from = WorkItemLinkSchema(many=True, help_text="Of what it was made.")
    remote = serializers.DictField(
        allow_null=True, help_text="What it stands for in another organisation: tenant, type, id."
    )
    tainted = serializers.BooleanField(help_text="One of those has been undone since.")
    created_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    due_at = serializers.DateTimeField(allow_null=True)
    started_at = serializers.DateTimeField(allow_null=True)
    completed_at = serializers.DateTimeField(allow_null=True)
    completed_by = serializers.CharField(allow_null=True)
    ended_reason = serializers.CharField(
        allow_null=True, help_text="Why it ended without being completed."
    )
    delegations = DelegationSchema(many=True)
    held_until = serializers.DateTimeField(
        allow_null=True, help_text="On hold: when it goes on by itself."
    )
    deadlines = serializers.DictField(
        child=DeadlineSchema(), help_text="By name: claim, start, completion, follow_up."
    )
    template = MadeFromSchema(allow_null=True)
    group = InstancesSchema(allow_null=True)
    skippable = serializers.BooleanField(help_text="Whether an operator may leave it out.")
    available_actions = ActionSchema(many=True)


class CompensationAnswerSchema(Schema):
    """The original, and the work item or execution that undoes it (`type` says which)."""

    original = WorkItemSchema()
    compensation = serializers.DictField()


class SpawnedSchema(Schema):
    """An item, and the parts that were opened of it."""

    item = WorkItemSchema()
    children = WorkItemSchema(many=True)


class ChainNodeSchema(Schema):
    """One step of a causal chain."""

    id = serializers.UUIDField()
    type = serializers.ChoiceField(
        choices=["work_item", "execution", "case", "compensation_step"],
        help_text="A compensation_step is planned: it has no work yet.",
    )
    name = serializers.CharField()
    lane = serializers.ChoiceField(choices=["forward", "undo"])
    order = serializers.IntegerField()
    status = serializers.CharField()
    compensation_state = serializers.ChoiceField(choices=CompensationState.values)
    completion_seq = serializers.IntegerField(allow_null=True)
    who = serializers.CharField(
        allow_null=True, help_text="A username; of an execution the name of its capability."
    )
    at = serializers.DateTimeField(allow_null=True)
    undoes = serializers.UUIDField(allow_null=True)
    undone_by = serializers.ListField(
        child=serializers.UUIDField(),
        help_text="What undid it: nothing that is under way or failed.",
    )


class ChainEdgeSchema(Schema):
    """An arrow of a causal chain, by node ids."""

    source = serializers.UUIDField()  # type: ignore[assignment]  # a field takes this name's place
    target = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=["then", "reverses", "caused"])


class ChainSchema(Schema):
    """A page of what led to what, and what reverses what."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)
    nodes = ChainNodeSchema(many=True)
    edges = ChainEdgeSchema(many=True)


def _represent(shown: Shown, several: Instances | None) -> dict[str, Any]:
    item = shown.item
    users = [shown.username(actor) for actor in item.people_asked]
    undo_tasks = [each for each in shown.attempts if each.compensation_type == WORK_ITEM]
    own = {
        "priority": Priority(item.priority).name,
        "assignee": shown.username(item.assignee_id),
        "candidate_users": sorted(name for name in users if name is not None),
        "candidate_groups": sorted(item.groups_asked),
        "owner": shown.username(item.owner_id),
        "stakeholders": _usernames(shown, item.stakeholders),
        "excluded_users": _usernames(shown, item.excluded),
        "compensates": None if item.compensates_id is None else str(item.compensates_id),
        "compensated_by": [str(each.compensation_id) for each in undo_tasks],
        "outcome_label": said_outcome(item, item.outcome) or None,
        "outcomes": [represent_outcome(item, name) for name in item.permitted_outcomes],
        "created_by": shown.username(item.created_by_id),
        "due_at": moment(item.due_at),
        "delegations": [_delegation(shown, said) for said in item.delegations],
        "deadlines": {name: _deadline(limit) for name, limit in limits_of(item).items()},
        "group": None if several is None else _instances(several),
        "held_until": moment(item.held_until) if item.status == Status.SUSPENDED else None,
        "completed_at": moment(item.completed_at),
        "completed_by": shown.username(item.completed_by_id),
        "outcome_reason": (item.ended_reason or None) if item.completed_at else None,
        "ended_reason": None if item.completed_at else item.ended_reason or None,
    }
    return members(WorkItemSchema, item, {**undoable_members(item, shown), **own})


def _usernames(shown: Shown, actors: Sequence[str]) -> list[str]:
    return sorted(name for actor in actors if (name := shown.username(uuid.UUID(actor))))


def _instances(several: Instances) -> dict[str, Any]:
    own = {"items": [str(each.id) for each in several.items], "completed": several.completed}
    return members(InstancesSchema, several.group, own)


def _delegation(shown: Shown, said: dict[str, str]) -> dict[str, Any]:
    people_ = {name: shown.username(said[name] or None) for name in ("from", "to", "by")}
    return {**people_, "at": said["at"], "answer": said["answer"]}


def _deadline(limit: dict[str, Any]) -> dict[str, Any]:
    return {name: limit.get(name) for name in ("due_at", "missed_at", "breach", "step")}


def represent_many(items: Sequence[Any], authority: Authority) -> list[dict[str, Any]]:
    """Return the shapes of `items`, as `authority` sees them: a constant number of queries."""
    several = instances_of(items)
    return [
        _represent(shown, several.get(shown.item.one_of_id) if shown.item.one_of_id else None)
        for shown in selectors.show(items, authority)
    ]


def represent_compensation(answer: Compensation, authority: Authority) -> dict[str, Any]:
    """Return `{original, compensation}`: the item, and the work item or execution undoing it."""
    type_, undo_id = answer.attempt.compensation_type, answer.attempt.compensation_id
    if type_ == WORK_ITEM:
        undo_task = selectors.get(answer.original.tenant_id, undo_id)
        original, undo = represent_many([answer.original, undo_task], authority)
    else:
        [original] = represent_many([answer.original], authority)
        execution = execution_selectors.get(answer.original.tenant_id, undo_id)
        [undo] = execution_json.represent_many([execution], authority)
    return {"original": original, "compensation": {"type": type_, **undo}}


def represent_spawned(done: Spawned, authority: Authority) -> dict[str, Any]:
    """Return `{item, children}`."""
    item, *children = represent_many([done.item, *done.children], authority)
    return {"item": item, "children": children}


def chain_page(view: TenantAPIView, chain: Chain) -> Response:
    """Answer with one page of a chain: nodes in the order of its table, and the arrows that begin
    at them, so that each arrow is told once."""
    found = page_of_list(view.request, chain.nodes, key=lambda node: str(node.id))
    named = people(chain.tenant_id, (node.who for node in found.rows))
    here, undos = {str(node.id) for node in found.rows}, chain.undos
    body = {
        **view.links(found),
        "nodes": [
            members(
                ChainNodeSchema,
                node,
                {
                    "id": str(node.id),
                    "who": node.program
                    or (named[node.who].username if node.who in named else None),
                    "at": None if node.at is None else rfc3339(node.at),
                    "undoes": None if node.undoes is None else str(node.undoes),
                    "undone_by": [str(each.id) for each in undos.get(node.id, ()) if each.undid],
                },
            )
            for node in found.rows
        ],
        "edges": [
            members(ChainEdgeSchema, edge, {}) for edge in edges(chain) if edge.source in here
        ],
    }
    return Response(body)
