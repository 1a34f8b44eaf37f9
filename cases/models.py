"""Case definitions, cases and their plan items.

Cases are guarded: every update of a row raises its version and has its ledger entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db import models
from django.db.models import PROTECT
from django.db.models.functions import Now
from django_fsm import RETURN_VALUE, FSMField, transition
from typing_extensions import override

from cases import arrival_tables  # noqa: F401  -- Django looks for tables here
from cases.lifecycle import (
    CANCELLABLE,
    CLOSABLE,
    LISTENING,
    OPEN_ITEMS,
    ROLLBACK_FROM,
    WITHOUT_WORK,
    CaseStatus,
    PlanItemStatus,
    PlanItemType,
)
from compensation.lifecycle import CompensationState
from ledger.dispatch.lease_columns import Leased, trouble_index
from ledger.ids import new_id
from ledger.links import LINK
from ledger.ordered_json import OrderedJSONField
from verbs.subject import Ref

C, P = CaseStatus, PlanItemStatus


def title_with_number(title: str, number: str) -> str:
    """Return a case's title and number; a title that says the number already stays as it is."""
    return title if number in title.split() else f"{title} {number}"


class CaseDefinition(models.Model):
    """One version of a definition: source as deployed, compiled form, digest of the latter.

    Insert-only: a deployed version never changes.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, db_constraint=False, related_name="+")
    namespace = models.TextField()
    name = models.TextField()
    version = models.TextField()
    title = models.TextField()
    source = models.TextField()
    compiled = OrderedJSONField()
    digest = models.TextField()
    deployed_by = models.ForeignKey(
        "accounts.Actor", PROTECT, db_constraint=False, related_name="+"
    )
    created_at = models.DateTimeField()
    # What may surprise, as found while it was deployed: of that moment, and not kept.
    warnings: Sequence[Any] = ()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "namespace", "name", "version"], name="cases_definition_once"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="cases_definition_list"),
        ]

    @override
    def __str__(self) -> str:
        return f"{self.namespace}/{self.name} {self.version}"

    @property
    def key(self) -> str:
        """`namespace/name`."""
        return f"{self.namespace}/{self.name}"

    @property
    def called(self) -> str:
        """What people call it: title and version."""
        return f"{self.title or self.name} {self.version}"


def undo_of(status: str) -> CompensationState:
    """Return how far the undo of a case of this status is, as of a step of the case above."""
    return CompensationState.__members__.get(status, CompensationState.NONE)


class Case(models.Model):
    """An instance of a definition; `context` is what its steps read and write.

    `number`: how people call it, beside its title; never two of a tenant (`cases.numbers`).
    `invalidated`: keys written by work undone since; undo never removes one. `fault`: why FAULTED.
    `prior_status`: where a rollback found it. `root_id`: top of its tree. `triggered`: the version
    at which the context last changed, or the case began or went on. `changed_keys`: the version at
    which each key of the context last changed, those since the case was opened; None for a case
    that is older than this column. `milestones`: what has happened to each. `stopped_since`: its
    engine has stopped, because of `stopped_error`.

    Of a sub-case: `parent` is the case above, `awaited` whether that waits for its end, `held_by`
    the case whose being on hold holds it. Of the case above: `has_children`, and the groups of its
    sub-cases that have been met, once and for all (`groups_met`).
    """

    subject_type: ClassVar[str] = "case"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    version = models.IntegerField(default=1)
    definition = models.ForeignKey(
        CaseDefinition, PROTECT, db_constraint=False, related_name="cases"
    )
    number = models.TextField(db_collation="C")
    title = models.TextField()
    status = FSMField(choices=C.choices, default=C.RUNNING, protected=True)
    prior_status = models.TextField(default="", blank=True)
    context = models.JSONField(default=dict)
    invalidated = models.JSONField(default=list)
    fault = models.TextField(default="", blank=True)
    triggered = models.IntegerField(default=1)
    changed_keys = models.JSONField(null=True, default=dict)
    milestones = models.JSONField(default=dict)
    stopped_since = models.DateTimeField(null=True)
    stopped_error = models.TextField(default="", blank=True, db_default="")
    parent = models.ForeignKey("self", PROTECT, null=True, related_name="children", **LINK)
    root_id = models.UUIDField()
    awaited = models.BooleanField(default=False, db_default=False)
    held_by = models.UUIDField(null=True)
    has_children = models.BooleanField(default=False, db_default=False)
    groups_met = models.JSONField(
        default=list, db_default=models.Value([], output_field=models.JSONField())
    )
    opened_by = models.ForeignKey("accounts.Actor", PROTECT, db_constraint=False, related_name="+")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "number"], name="cases_number_once"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "-created_at", "-id"], name="cases_list"),
            models.Index(fields=["tenant", "status", "-created_at"], name="cases_by_status"),
            models.Index(
                fields=["tenant", "definition", "id"],
                name="cases_listening",
                condition=models.Q(status__in=sorted(LISTENING)),
            ),
            models.Index(
                fields=["tenant", "id"],
                name="cases_stopped",
                condition=models.Q(stopped_since__isnull=False),
            ),
            models.Index(
                fields=["tenant", "parent"],
                name="cases_below",
                condition=models.Q(parent__isnull=False),
            ),
            models.Index(
                fields=["tenant", "root_id"],
                name="cases_in_tree",
                condition=models.Q(parent__isnull=False),
            ),
        ]

    @override
    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        """Title and number, as people tell it from others of its kind."""
        return title_with_number(self.title, self.number)

    @property
    def compensation_state(self) -> CompensationState:
        """How far its undo is, as of a step of the case above."""
        return undo_of(str(self.status))

    @transition(field=status, source=C.RUNNING, target=C.SUSPENDED)
    def suspend(self) -> None:
        """Forward work stops; results are still recorded."""

    @transition(field=status, source=C.SUSPENDED, target=C.RUNNING)
    def resume(self) -> None:
        """Forward work goes on."""

    @transition(field=status, source=C.RUNNING, target=C.COMPLETED)
    def complete(self) -> None:
        """A success rule holds."""

    @transition(field=status, source=[C.RUNNING, C.SUSPENDED], target=C.FAULTED)
    def fail(self) -> None:
        """A failure rule holds, a step failed, or the definition cannot go on."""

    @transition(field=status, source=C.FAULTED, target=C.RUNNING)
    def retry(self) -> None:
        """What failed is tried again."""

    @transition(field=status, source=sorted(CANCELLABLE), target=C.CANCELLED)
    def cancel(self) -> None:
        """An operator calls it off."""

    @transition(field=status, source=sorted(CLOSABLE), target=C.CLOSED)
    def close(self) -> None:
        """Nothing of it will ever be undone."""

    @transition(field=status, source=sorted(ROLLBACK_FROM), target=C.COMPENSATING)
    def start_rollback(self) -> None:
        """A run begins."""

    @transition(field=status, source=C.COMPENSATING, target=C.COMPENSATION_FAULTED)
    def stop_rollback(self) -> None:
        """A step failed; somebody has to decide."""

    @transition(field=status, source=C.COMPENSATION_FAULTED, target=C.COMPENSATING)
    def continue_rollback(self) -> None:
        """Somebody decided."""

    @transition(field=status, source=C.COMPENSATING, target=C.COMPENSATED)
    def settle_compensated(self) -> None:
        """All of it is undone."""

    @transition(field=status, source=C.COMPENSATING, target=C.PARTIALLY_COMPENSATED)
    def settle_partially(self) -> None:
        """Something stays."""

    @transition(
        field=status,
        source=C.COMPENSATING,
        target=RETURN_VALUE(*sorted(ROLLBACK_FROM)),
    )
    def settle_back(self, *, resume: bool) -> str:
        """A part was undone: back to where it was. What was running waits unless told to go on."""
        if self.prior_status == C.RUNNING and not resume:
            return str(C.SUSPENDED)
        return self.prior_status


class CaseCounter(models.Model):
    """The last number given with one `prefix`, drawn under the row's lock."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    prefix = models.TextField(blank=True)
    last = models.BigIntegerField(default=0)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "prefix"], name="cases_counter_once"),
        ]


class PlanItem(models.Model):
    """What a fired binding became, as the engine has seen it.

    `case_version`: that of the case as it was opened. `taken_version`: that of the case with its
    result. `written`: the context keys that this stated, whatever they held before. `target_id` is
    None for a step that could not begin, or does no work. `input_digest`: of what its
    `inputMapping` gave, "" where it has none. `rerouted`: how often in a row its step was opened
    again for others. `error`: why it let its case fail.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    case = models.ForeignKey(Case, PROTECT, related_name="plan_items", **LINK)
    binding = models.TextField()
    type = models.TextField(choices=PlanItemType.choices)
    target_id = models.UUIDField(null=True)
    status = models.TextField(choices=PlanItemStatus.choices, default=PlanItemStatus.ACTIVE)
    case_version = models.IntegerField(default=0)
    taken_version = models.IntegerField(null=True)
    input_digest = models.TextField(default="", blank=True, db_default="")
    rerouted = models.IntegerField(default=0, db_default=0)
    completion_seq = models.BigIntegerField(null=True)
    compensation_state = models.TextField(
        choices=CompensationState.choices, default=CompensationState.NONE
    )
    written = models.JSONField(default=list)
    error = models.TextField(default="", blank=True)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["tenant", "target_id"], name="cases_planitem_target"),
            models.CheckConstraint(
                condition=models.Q(status=P.FAULTED)
                | models.Q(target_id__isnull=False)
                | models.Q(type__in=sorted(WITHOUT_WORK)),
                name="cases_planitem_has_work",
            ),
            # A binding with an open plan item does not fire again.
            models.UniqueConstraint(
                fields=["tenant", "case", "binding"],
                condition=models.Q(status__in=sorted(OPEN_ITEMS)),
                name="cases_planitem_one_open",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["tenant", "case", "completion_seq"], name="cases_planitem_order"),
        ]

    @property
    def work(self) -> Ref:
        """Type and id of its work. Raises LookupError for a step that could not begin."""
        if self.target_id is None:
            raise LookupError(f"step {self.binding} has no work")
        return (Case.subject_type if self.is_case else self.type, self.target_id)

    @property
    def is_case(self) -> bool:
        """Whether its work is a case of its own."""
        return self.type == PlanItemType.SUB_CASE


class MilestoneDue(Leased):
    """When a milestone of a case is late, as a row that falls due. Not news, so not guarded."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.ForeignKey("accounts.Tenant", PROTECT, related_name="+", **LINK)
    case = models.ForeignKey(Case, models.CASCADE, related_name="+", **LINK)
    milestone = models.TextField()
    queue = models.TextField(default="upkeep", db_default="upkeep")
    due_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["tenant", "case", "milestone"], name="cases_milestonedue_once"
            ),
        ]
        indexes: ClassVar = [
            trouble_index("cases_milestone_troubled"),
            models.Index(fields=["queue", "tenant", "due_at", "id"], name="cases_milestone_due"),
        ]


class MissedNewsCheck(Leased):
    """When a tenant is next looked through for lost news. Its entries were up to `recent_at` and
    `recent_id`. From `whole_due_at` on all that is open is: steps are compared with their work, up
    to `case_id` and `binding`; after the last of them the cases, in the order of their definitions
    (`definition_id`, `case_id`). Then the entries of the day before are once more, up to
    `replay_at` and `replay_id`, if that is under way. Made with each tenant."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    tenant = models.OneToOneField("accounts.Tenant", PROTECT, db_constraint=False, related_name="+")
    case_id = models.UUIDField(null=True)
    binding = models.TextField(blank=True, db_default="", default="")
    definition_id = models.UUIDField(null=True)
    recent_at = models.DateTimeField(db_default=Now())
    recent_id = models.UUIDField(null=True)
    replay_at = models.DateTimeField(null=True)
    replay_id = models.UUIDField(null=True)
    whole_due_at = models.DateTimeField(db_default=Now())
    queue = models.TextField(default="upkeep", db_default="upkeep")
    due_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes: ClassVar = [
            trouble_index("cases_missed_troubled"),
            models.Index(fields=["queue", "tenant", "due_at", "id"], name="cases_missed_news_due"),
        ]
