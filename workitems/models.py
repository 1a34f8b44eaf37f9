"""Work items and who may take them. Fields, constraints and the FSM methods; no I/O.

Every update of a work item's row raises its version and has its ledger entry (the guard sees to
it). `completed_at`, `completed_by`, `outcome` and `resolution` are written once, at completion;
undoing never touches them. A `resolution` may also come with a refusal or a failure.
"""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.db import models
from django.db.models import PROTECT
from django.db.models.functions import Now
from django_fsm import RETURN_VALUE, FSMField, transition
from typing_extensions import override

from compensation.undoable_rows import UndoableRow, UndoingRow, undo_methods
from json_values.moments import BEYOND, EARLIEST
from ledger.dispatch.lease_columns import Leased, trouble_index
from ledger.ids import new_id
from ledger.links import LINK
from ledger.ordered_json import OrderedJSONField
from workitems import (  # noqa: F401  -- Django looks for tables here
    listener_tables,
    stakeholder_tables,
)
from workitems.around import addition_tables  # noqa: F401  -- Django looks for tables here
from workitems.finding import finding_tables  # noqa: F401  -- Django looks for tables here
from workitems.finding.item_indexes import INDEXES
from workitems.instance_models import InstanceGroup
from workitems.lifecycle import DECLINED, LIFECYCLE, RESUMED, Kind, OfferedTo, Priority, Status
from workitems.schedules import schedule_tables  # noqa: F401  -- Django looks for tables here
from workitems.template_models import WorkItemTemplate
from workitems.urgency import DUE, RANK

__all__ = [
    "CandidateGroup", "CandidateUser", "Deadline", "HoldEnd", "InstanceGroup", "WorkItem",
    "WorkItemTemplate",
]  # fmt: skip

S = Status
_URGENCY = (DUE, RANK, models.F("created_at"), models.F("id"))


def _from(name: str) -> list[str]:
    return sorted(LIFECYCLE[name].sources or ())


class WorkItem(UndoableRow, UndoingRow, models.Model):
    """One task for a person, or for an agent acting as one (WS-HumanTask 1.1 §4).

    A compensating work item (`kind` COMPENSATION) has the columns of `UndoingRow`, and
    `compensates` when the original is a work item. `excluded` lists actors who may never take it,
    `excluded_groups` groups whose members may not, `not_completed_by` bindings of its case: who did
    one of those may not.
    `offered_to` says whose it is where no candidate is left; `people_missing` are usernames it was
    meant for, of whom none was an active member when it was opened. `forwarded`: its candidates are
    not those it was opened with.

    `delegations` is the chain of who was asked to take it over, oldest first: `from`, `to`, `by`
    (actors), `at`, and the `answer`. While it is on hold `held_from` is the status it goes back to,
    and `held_until` when that happens by itself. `deadlines`: see the module of that name.
    `template` is the version of a template that it was made from, `one_of` the instances that it
    is one of. `owner` answers for how it ends, `stakeholders` (actors) look on. `has_parts`: items
    were spawned of it. `compensate_on`: events because of which it is undone by itself.
    `derived_from`: of what it was made; `tainted` once one of those is undone. `outcome_rules`:
    `label` and `when` of outcomes, by their names, where they have any.
    """

    subject_type: ClassVar[str] = "work_item"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    version = models.IntegerField(default=1)
    kind = models.TextField(choices=Kind.choices, default=Kind.TASK)
    title = models.TextField()
    status = FSMField(choices=S.choices, default=S.PENDING, protected=True)
    priority = models.SmallIntegerField(choices=Priority.choices, default=Priority.MEDIUM)
    assignee = models.ForeignKey("accounts.Actor", PROTECT, null=True, related_name="+", **LINK)
    owner = models.ForeignKey("accounts.Actor", PROTECT, null=True, related_name="+", **LINK)
    stakeholders = models.JSONField(default=list, db_default=[])
    offered_to = models.TextField(choices=OfferedTo.choices, default=OfferedTo.ANYBODY)
    people_missing = models.JSONField(default=list)
    excluded = models.JSONField(default=list)
    excluded_groups = models.JSONField(default=list, db_default=[])
    required_skills = models.JSONField(default=list, db_default=[])
    not_completed_by = models.JSONField(default=list, db_default=[])
    forwarded = models.BooleanField(default=False, db_default=False)
    delegations = models.JSONField(default=list, db_default=[])
    held_from = models.TextField(default="", db_default="")
    held_until = models.DateTimeField(null=True)
    skippable = models.BooleanField(default=False, db_default=False)
    template = models.JSONField(null=True)
    one_of = models.ForeignKey(InstanceGroup, PROTECT, null=True, related_name="+", **LINK)
    has_parts = models.BooleanField(default=False, db_default=False)
    deadlines = models.JSONField(default=dict, db_default={})
    payload = models.JSONField(default=dict)
    outcome = models.TextField(null=True)  # noqa: DJ001  -- "no outcome yet" is not an empty one
    resolution = models.JSONField(null=True)
    permitted_outcomes = models.JSONField(default=list)
    outcome_rules = models.JSONField(default=dict, db_default={})
    resolution_schema = OrderedJSONField(null=True)
    form = models.JSONField(null=True)
    compensate_on = models.JSONField(default=list, db_default=[])
    derived_from = models.JSONField(default=list, db_default=[])
    tainted = models.BooleanField(default=False)
    compensates = models.ForeignKey(
        "self", PROTECT, null=True, related_name="compensated_by", **LINK
    )
    created_by = models.ForeignKey("accounts.Actor", PROTECT, related_name="+", **LINK)
    created_at = models.DateTimeField()
    due_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    completed_at = models.DateTimeField(null=True)
    completed_by = models.ForeignKey("accounts.Actor", PROTECT, null=True, related_name="+", **LINK)
    ended_at = models.DateTimeField(null=True)
    ended_reason = models.TextField(default="")

    class Meta:
        constraints: ClassVar = [
            # What lies beyond the calendar can be stored, but never read again.
            models.CheckConstraint(
                name="workitems_due_at_moment",
                condition=models.Q(due_at__gte=EARLIEST, due_at__lt=BEYOND),
            ),
            models.CheckConstraint(
                name="workitems_held_until_moment",
                condition=models.Q(held_until__gte=EARLIEST, held_until__lt=BEYOND),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="workitems_list"),
            models.Index(
                models.F("tenant"),
                models.F("assignee"),
                *_URGENCY,
                name="workitems_mine_urgent",
                condition=models.Q(status__in=["ASSIGNED", "DELEGATED", "IN_PROGRESS"]),
            ),
            models.Index(
                fields=["tenant", "assignee", "-created_at", "-id"],
                name="workitems_assigned",
                condition=models.Q(assignee__isnull=False),
            ),
            models.Index(
                fields=["tenant", "assignee", "-created_at", "-id"],
                name="workitems_held",
                condition=models.Q(status="SUSPENDED"),
            ),
            models.Index(
                models.F("tenant"),
                *_URGENCY,
                name="workitems_pool_urgent",
                condition=models.Q(status="PENDING"),
            ),
            # Reversals come first wherever there are any, and are few.
            models.Index(
                models.F("tenant"),
                *_URGENCY,
                name="workitems_reversals_urgent",
                condition=models.Q(kind=Kind.COMPENSATION, status="PENDING"),
            ),
            models.Index(
                fields=["tenant", "id"],
                name="workitems_left_over",
                condition=models.Q(status="PENDING", offered_to=OfferedTo.OPERATORS),
            ),
            models.Index(
                fields=["tenant", "case_id"],
                name="workitems_case",
                condition=models.Q(case_id__isnull=False),
            ),
            models.Index(
                fields=["tenant", "one_of", "id"],
                name="workitems_instances",
                condition=models.Q(one_of__isnull=False),
            ),
            models.Index(
                fields=["tenant", "undoes_id"],
                name="workitems_undoes",
                condition=models.Q(undoes_id__isnull=False),
            ),
            models.Index(
                fields=["tenant", "completed_by", "-completed_at"],
                name="workitems_done",
                condition=models.Q(completed_by__isnull=False),
            ),
            *INDEXES,
        ]

    @override
    def __str__(self) -> str:
        return self.title

    @property
    def groups_asked(self) -> list[str]:
        """The groups whose members may take it, as they came with the row, else read now."""
        read: list[str] | None = vars(self).get("read_groups")
        return [row.name for row in self.candidate_groups.all()] if read is None else read

    @property
    def people_asked(self) -> list[uuid.UUID]:
        """The actors who may take it, in the same way."""
        read: list[uuid.UUID] | None = vars(self).get("read_people")
        return [row.actor_id for row in self.candidate_users.all()] if read is None else read

    @transition(field=status, source=_from("claim"), target=S.ASSIGNED)
    def claim(self) -> None:
        """A candidate takes it from the pool."""

    @transition(field=status, source=_from("release"), target=S.PENDING)
    def release(self) -> None:
        """It goes back to the pool."""

    @transition(field=status, source=_from("assign"), target=S.ASSIGNED)
    def assign(self) -> None:
        """An operator gives it to somebody."""

    @transition(field=status, source=_from("start"), target=S.IN_PROGRESS)
    def start(self) -> None:
        """Work begins; from the pool this claims too."""

    @transition(field=status, source=_from("stop"), target=S.ASSIGNED)
    def stop(self) -> None:
        """Work pauses; the item stays with its assignee."""

    @transition(field=status, source=_from("complete"), target=S.COMPLETED)
    def complete(self) -> None:
        """The work is done."""

    @transition(field=status, source=_from("reject"), target=S.REJECTED)
    def reject(self) -> None:
        """The assignee refuses it for good."""

    @transition(field=status, source=_from("fail"), target=S.FAULTED)
    def fail(self) -> None:
        """The assignee cannot do it, whoever is asked."""

    @transition(field=status, source=_from("delegate"), target=S.DELEGATED)
    def delegate(self) -> None:
        """Somebody else is asked to take it over."""

    @transition(field=status, source=_from("accept-delegation"), target=S.ASSIGNED)
    def accept_delegation(self) -> None:
        """Who was asked takes it over."""

    @transition(field=status, source=_from("decline-delegation"), target=RETURN_VALUE(*DECLINED))
    def decline_delegation(self) -> str:
        """Who was asked does not take it over: it goes back, to the pool where nobody is left."""
        return S.ASSIGNED if self.assignee_id else S.PENDING

    @transition(field=status, source=_from("forward"), target=S.PENDING)
    def forward(self) -> None:
        """It goes to the pool of others."""

    @transition(field=status, source=_from("suspend"), target=S.SUSPENDED)
    def suspend(self) -> None:
        """It is put on hold."""

    @transition(field=status, source=_from("resume"), target=RETURN_VALUE(*RESUMED))
    def resume(self) -> str:
        """It goes back to where it was."""
        return self.held_from

    @transition(field=status, source=_from("skip"), target=S.OBSOLETE)
    def skip(self) -> None:
        """It is not needed, and nothing is amiss without it."""

    @transition(field=status, source=_from("extend"), target=None)
    def extend(self) -> None:
        """It has more time."""

    @transition(field=status, source=_from("pass-on"), target=S.PENDING)
    def pass_on(self) -> None:
        """A deadline was missed: others may take it."""

    @transition(field=status, source=_from("expire"), target=S.EXPIRED)
    def expire(self) -> None:
        """A deadline was missed: it ends."""

    @transition(field=status, source=_from("escalate"), target=S.ESCALATED)
    def escalate(self) -> None:
        """A deadline was missed, and all that was to be done about it was done: it ends."""

    @transition(field=status, source=_from("cancel"), target=S.CANCELLED)
    def cancel(self) -> None:
        """An operator calls it off."""

    (
        compensate,
        settle_compensated,
        settle_faulted,
        retry_compensation,
        attest,
        abandon,
        withdraw,
    ) = undo_methods(S.COMPLETED)


class CandidateGroup(models.Model):
    """A group, by name, whose members may take the item. Membership is read at claim.

    `waiting`: nobody has taken the item. The database keeps it, whichever verb moves the item, so
    that what waits for a group is found without what it did in years.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    work_item = models.ForeignKey(WorkItem, models.CASCADE, related_name="candidate_groups", **LINK)
    name = models.TextField()
    waiting = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "work_item", "name"], name="workitems_candidategroup_once"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant", "name", "work_item"],
                name="workitems_group_waiting",
                condition=models.Q(waiting=True),
            ),
            models.Index(fields=["tenant", "name", "work_item"], name="workitems_group_items"),
        ]


class CandidateUser(models.Model):
    """A person who may take the item. `waiting` as for a group."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    work_item = models.ForeignKey(WorkItem, models.CASCADE, related_name="candidate_users", **LINK)
    actor = models.ForeignKey("accounts.Actor", PROTECT, related_name="+", **LINK)
    waiting = models.BooleanField(default=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "work_item", "actor"], name="workitems_candidateuser_once"
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["tenant", "actor", "work_item"],
                name="workitems_user_waiting",
                condition=models.Q(waiting=True),
            ),
        ]


class HoldEnd(Leased):
    """When an item on hold goes on by itself, and who sees to it now. Not news, so not guarded.

    Its columns are those of every row that falls due; times are the database's clock.
    """

    item = models.OneToOneField(
        WorkItem, models.CASCADE, primary_key=True, db_constraint=False, related_name="hold_end"
    )
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    queue = models.TextField(default="upkeep", db_default="upkeep")
    due_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [
            trouble_index("workitems_hold_troubled"),
            models.Index(fields=["queue", "tenant", "due_at", "item"], name="workitems_hold_due"),
        ]


class Deadline(Leased):
    """A deadline of an item that still runs, as a row that falls due. As of a hold, not guarded."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    item = models.ForeignKey(WorkItem, models.CASCADE, db_constraint=False, related_name="+")
    name = models.TextField()
    queue = models.TextField(default="upkeep", db_default="upkeep")
    due_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "item", "name"], name="workitems_deadline_once"
            ),
        ]
        indexes: ClassVar = [
            trouble_index("workitems_deadline_troubled"),
            models.Index(fields=["queue", "tenant", "due_at", "id"], name="workitems_deadline_due"),
        ]
