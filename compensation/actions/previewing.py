"""Previews: what would be undone. Writes the plan's row and nothing else; locks nothing."""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

from django.utils.translation import gettext as _
from pydantic import Field
from typing_extensions import override

from accounts.roles import ActorType
from compensation.errors import AlreadyCompensated, NotCompensable, RunLive
from compensation.lifecycle import PLAN_OPERATION
from compensation.locking import lock_row
from compensation.models import CompensationPlan
from compensation.plan import Content, make_plan
from compensation.plan_exceptions import check_overridden, check_waived
from compensation.plan_scope import (
    MAX_STEP_NAME,
    MAX_STEPS,
    SCOPE_SCHEMAS,
    STEP_NAME_SCHEMA,
    Scope,
    Waiver,
    parse_include,
    parse_scope,
)
from compensation.planning import Part
from compensation.regulatory_basis import GivenBases, parse_regulatory_basis
from compensation.risk import asks_others, goes_past, undone_of
from compensation.subject import WholeSubject, part_alone, read_row, whole_of, whole_subject
from json_values.pointers import FieldError
from ledger.clock import now
from ledger.errors import NotFound, NotPermitted, Refusal, check_json
from ledger.record import ActorRef
from ledger.row_writes import write
from verbs import catalogue
from verbs.body_size import at_most
from verbs.input import Input, Text, problems_of
from verbs.saving import insertion
from verbs.shell import Verb, VerbContext
from verbs.subject import Locked, Ref, subject_of

LIFETIME = dt.timedelta(minutes=15)
MAX_WAIVED = 40
# With these, a body with the longest reasons stays below what is read of a body.
MAX_OVERRIDDEN = 10
# Names of as many steps as a request may name.
_OF_STEPS = MAX_STEPS * MAX_STEP_NAME
# Read by `parse_include` and `parse_scope`.
_INCLUDE = at_most(_OF_STEPS, type=["array", "null"], items=STEP_NAME_SCHEMA, maxItems=MAX_STEPS)
_SCOPE = at_most(_OF_STEPS, anyOf=[{"type": "null"}, *SCOPE_SCHEMAS])


class Overridden(Input):
    """What is undone although its time is over, by name or id, and why."""

    step: Annotated[str, Field(min_length=1, max_length=MAX_STEP_NAME)]
    reason: Text


class ItemPlanRequest(Input):
    """Why one finished piece of work shall be undone. `include` names it where nobody knows whether
    it happened, and it is undone as if it had; `override_window`, where it is too late."""

    reason: Text
    include: Annotated[Any, _INCLUDE] = None
    override_window: Annotated[list[Overridden], Field(max_length=1)] | None = None
    regulatory_basis: GivenBases = None
    strategy: Literal["restore", "correct"] | None = None

    @classmethod
    @override
    def further(cls, body: Mapping[str, Any]) -> Iterable[FieldError]:
        """Return what is wrong with steps to include and regulatory basis."""
        yield from problems_of(_storable_overrides, body.get("override_window"))
        yield from problems_of(parse_regulatory_basis, body.get("regulatory_basis"))
        yield from problems_of(parse_include, body.get("include"))


class Waived(Input):
    """What may stay although it cannot be undone, by name or id, and why."""

    step: Annotated[str, Field(min_length=1, max_length=MAX_STEP_NAME)]
    reason: Text


class PlanRequest(Input):
    """Why, and which part of it, shall be undone; what of it may stay (`waive`), or is undone after
    its time (`override_window`), and whether the whole goes on after a clean run of a part
    (`resume_after`)."""

    reason: Text
    scope: Annotated[Any, _SCOPE] = None
    include: Annotated[Any, _INCLUDE] = None
    waive: Annotated[list[Waived], Field(max_length=MAX_WAIVED)] | None = None
    override_window: Annotated[list[Overridden], Field(max_length=MAX_OVERRIDDEN)] | None = None
    resume_after: bool | None = None
    regulatory_basis: GivenBases = None
    strategy: Literal["restore", "correct"] | None = None

    @classmethod
    @override
    def further(cls, body: Mapping[str, Any]) -> Iterable[FieldError]:
        """Return what is wrong with scope, steps to include or waive, and regulatory basis."""
        yield from problems_of(_storable, body.get("waive"))
        yield from problems_of(_storable_overrides, body.get("override_window"))
        yield from problems_of(parse_regulatory_basis, body.get("regulatory_basis"))
        yield from problems_of(parse_scope, body.get("scope"))
        yield from problems_of(parse_include, body.get("include"))


@dataclasses.dataclass(frozen=True, slots=True)
class About:
    """What a plan is about: a whole (`row` None), or one piece of it, or loose work."""

    ref: Ref
    subject: WholeSubject | None
    whole: Any | None
    row: Any | None

    @property
    def root(self) -> uuid.UUID | None:
        """The tree whose live slot a run about this takes."""
        return None if self.subject is None else self.subject.root(self.whole)

    @property
    def rolled_back(self) -> WholeSubject | None:
        """The kind of whole that a run about this moves; None where it is about a piece."""
        return self.subject if self.row is None else None

    def later_above(self) -> Sequence[Part]:
        """Return what was finished after it in the wholes above it, or may yet be; nothing where it
        is about a piece, which is looked at by itself."""
        return () if self.rolled_back is None else self.rolled_back.later_above(self.whole)

    def barred(self) -> Refusal | None:
        """Return why nothing of it may be undone, if so.

        A whole that is undone may have a piece that is not: one that was done after.
        """
        refusal = None if self.subject is None else self.subject.barred(self.whole)
        if self.row is not None and isinstance(refusal, AlreadyCompensated):
            return None
        return refusal

    def held_up(self) -> Refusal | None:
        """Return why nothing of it may be undone at this moment, if so: its engine has stopped, and
        what the undo of a piece brings could not be taken in either."""
        return None if self.subject is None else self.subject.held_up(self.whole)


def _storable(waive: Any) -> None:
    check_json(waive, "/waive")


def _storable_overrides(said: Any) -> None:
    check_json(said, "/override_window")


def declare_plan_verb(subject_type: str) -> Verb[CompensationPlan]:
    """Declare the preview for one kind of thing: a whole, or work that can be undone."""
    whole = whole_subject(subject_type) is not None
    # A piece of work is not asked what a plan would be; plans serve that address themselves.
    no_route = "" if whole else "It is served with the plans, and not offered by the piece."
    return catalogue.declare(
        Verb(
            subject_type=subject_type, operation=PLAN_OPERATION, action="",
            input=PlanRequest if whole else ItemPlanRequest, function=_preview,
            description=_preview.__doc__ or "", transitions=False, status=201,
            locked=functools.partial(_found, subject_type),
            state=functools.partial(_open, subject_type), no_route=no_route, page=False,
            no_button="Its page asks why and how much, and lists what was finished.",
        )
    )  # fmt: skip


def _found(subject_type: str, tenant_id: uuid.UUID, id_: uuid.UUID) -> Locked:
    return Locked(subject_of(subject_type).read_one(tenant_id, id_))


def _open(
    subject_type: str, row: Any, facts: Any, body: Mapping[str, Any] | None
) -> Refusal | None:
    """Return why no plan can be about it: it undoes something itself, or its whole is closed."""
    whole = whole_subject(subject_type)
    if whole is not None:
        # A plan can always be looked at; an offer is about one that could be executed.
        return (body is None and _not_executable(whole, row, facts)) or whole.barred(row)
    if getattr(row, "undoes_id", None) is not None:
        return NotCompensable()
    return (
        about(row.tenant_id, subject_type, row.id, row=row).barred() if body is not None else None
    )


def _not_executable(whole: WholeSubject, row: Any, facts: Any) -> Refusal | None:
    live = getattr(facts, "live_run", None)
    if live is not None:
        return RunLive(live)
    return None if row.status in whole.rollback_from else Refusal(code="illegal_state")


def _preview(row: Any, given: Any, context: VerbContext) -> CompensationPlan:
    """Plan the undo, for 15 minutes. Nothing but the plan is written."""
    subject = about(row.tenant_id, row.subject_type, row.id, row=row)
    scope = parse_scope(getattr(given, "scope", None))
    include = parse_include(getattr(given, "include", None))
    overrides = _words(given.override_window)
    require_right_to_override(overrides, context.by)
    plan = draft(
        subject, scope, include, waive=_words(getattr(given, "waive", None)), overrides=overrides,
        strategy=given.strategy, by=context.authority.actor_id, tenant_id=context.call.by.tenant_id,
    )  # fmt: skip
    plan.resume_after = bool(getattr(given, "resume_after", None))
    plan.reason = given.reason
    plan.regulatory_basis = parse_regulatory_basis(given.regulatory_basis)
    write([insertion(plan)], {})
    return plan


def _words(said: Sequence[Any] | None) -> tuple[Waiver, ...]:
    return tuple(Waiver(each.step, each.reason) for each in said or ())


def require_right_to_override(overrides: Sequence[Any], by: ActorRef) -> None:
    """Raise NotPermitted where a time that is over would not count on the word of no person. Plans,
    and the runs of them, are the operators' in any case."""
    if overrides and by.type != ActorType.HUMAN:
        raise NotPermitted(_("Only a person may have something undone after its time."))


def draft(
    subject: About,
    scope: Scope,
    include: tuple[str, ...] = (),
    *,
    waive: Sequence[Waiver] = (),
    overrides: Sequence[Waiver] = (),
    strategy: str | None = None,
    by: uuid.UUID,
    tenant_id: uuid.UUID,
    parts: list[Part] | None = None,
) -> CompensationPlan:
    """Return what the plan would be, not stored, without a reason; `parts` where they are read.
    Raises Invalid for a waiver of what it does not leave behind, or a time that does not matter."""
    plan = new_plan(subject, scope, include, strategy=strategy, by=by, tenant_id=tenant_id)
    plan.waive = [each.to_json() for each in waive]
    plan.override_window = [each.to_json() for each in overrides]
    parts = parts_of(subject, lock=False) if parts is None else parts
    content = replan(plan, parts)
    check_waived(content, parts, waive)
    check_overridden(content, parts, overrides)
    plan.digest, plan.content = content.digest, content.to_json()
    plan.requires_approval = needs_approval(content, subject, parts)
    return plan


def new_plan(
    subject: About,
    scope: Scope,
    include: tuple[str, ...] = (),
    *,
    strategy: str | None = None,
    by: uuid.UUID,
    tenant_id: uuid.UUID,
) -> CompensationPlan:
    """Return the row of a plan, not stored, in which nothing is planned yet."""
    moment = now()
    return CompensationPlan(
        tenant_id=tenant_id,
        subject_type=subject.ref[0],
        subject_id=subject.ref[1],
        whole_type="" if subject.subject is None else subject.subject.subject_type,
        whole_id=None if subject.whole is None else subject.whole.id,
        scope=scope.to_json(),
        strategy=strategy or "",
        include=list(include),
        reason="",
        created_by_id=by,
        created_at=moment,
        expires_at=moment + LIFETIME,
    )


def needs_approval(content: Content, subject: About, parts: Sequence[Part]) -> bool:
    """Whether others have to agree: the policy of something that would be undone, at any level,
    asks for it, or the risk is too high for one, or it goes past what cannot be undone; what is
    under way may have to be undone as well. Policies of the organisation are asked when it is
    executed."""
    said = content.to_json()
    asked = asks_others(undone_of(said, parts))
    return asked or bool(goes_past(said, parts, subject.later_above))


def replan(plan: CompensationPlan, parts: list[Part]) -> Content:
    """Return what the same plan would be now."""
    return make_plan(
        parts,
        subject=plan.about,
        scope=parse_scope(plan.scope),
        strategy=plan.strategy or None,
        include=tuple(plan.include),
        waive=tuple(Waiver(**each) for each in plan.waive),
        overrides=tuple(Waiver(**each) for each in plan.override_window),
        now=now(),
    )


def about(
    tenant_id: uuid.UUID,
    type_: str,
    id_: uuid.UUID,
    *,
    row: Any | None = None,
    lock: bool = False,
) -> About:
    """Return what a plan is about; the whole is locked if asked. Raises NotFound."""
    subject = whole_subject(type_)
    if subject is not None:
        whole = _whole(subject, tenant_id, id_, lock=lock) if lock or row is None else row
        return About((type_, id_), subject, whole, None)
    row = row or read_row(tenant_id, type_, id_)
    if row is None:
        raise NotFound
    of = whole_of(row)
    if of is None:
        return About((type_, id_), None, None, row)
    return About((type_, id_), of[0], _whole(of[0], tenant_id, of[1], lock=lock), row)


def _whole(subject: WholeSubject, tenant_id: uuid.UUID, id_: uuid.UUID, *, lock: bool) -> Any:
    return subject.lock(tenant_id, id_).row if lock else subject.read_one(tenant_id, id_)


def parts_of(subject: About, *, lock: bool) -> list[Part]:
    """Return what a plan about `subject` may undo, rows locked or as committed now."""
    type_, id_ = subject.ref
    if subject.rolled_back is not None:
        return subject.rolled_back.parts(subject.whole, lock=lock)
    row: Any = subject.row
    if lock:
        row = lock_row(row.tenant_id, type_, id_)
    part = None if subject.subject is None else subject.subject.part(subject.whole, row)
    # Asked for by name: what nobody declared is then for a person to undo.
    return [part if part is not None and part.policy is not None else part_alone(row)]
