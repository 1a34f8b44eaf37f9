"""Rolling back a part of a whole because its definition says so, in the middle of its work.

It is the plan and the run that an operator would get, with less: nobody has looked at it, so what
needs approval is not begun, and it goes past no point of no return. Runs in the caller's
transaction, with the whole and its parts locked; the plan is stored with its run.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext_noop

from compensation.actions.plan_execution import begin_run
from compensation.actions.previewing import About, needs_approval, new_plan
from compensation.errors import ApprovalRequired, RunLive
from compensation.facts import live_run
from compensation.lifecycle import (
    CompensationState,
    Reversibility,
    Trigger,
)
from compensation.models import CompensationRun
from compensation.plan import Scope, make_plan
from compensation.planning import SEQ_OF_UNORDERED, Exclusion, Part
from compensation.subject import Cause, WholeSubject
from ledger.clock import now
from ledger.row_writes import write
from verbs.saving import insertion
from verbs.subject import Ref

_POINTS: tuple[str, ...] = (Reversibility.PIVOT, Reversibility.IRREVERSIBLE)
_BEFORE_A_POINT = gettext_noop("A point of no return came after it: only a person goes past that.")


@dataclasses.dataclass(frozen=True, slots=True)
class ByRule:
    """What a definition wants undone of a whole, and why. `resumes`: the whole goes on after; else
    it ends with that, where nothing is to be undone only if that `ends` it."""

    scope: Scope
    reason: str
    resumes: bool
    ends: bool = True
    trigger: Trigger = Trigger.RULE


def roll_back_by_rule(
    kind: WholeSubject, whole: Any, wanted: ByRule, parts: Sequence[Part], *, cause: Cause
) -> CompensationRun | None:
    """Begin a run about a locked whole, whose `parts` are locked too; None where nothing is to be
    undone and the whole stays as it is.

    Raises Refusal where none may begin, and has written nothing then.
    """
    ref: Ref = (kind.subject_type, whole.id)
    about = About(ref, kind, whole, None)
    live = live_run(whole.tenant_id, about.root, ref)
    if live is not None:
        raise RunLive(live.id)
    refused = about.barred() or about.held_up()
    if refused is not None:
        raise refused
    scope = _of_what_there_is(wanted.scope, parts)
    stays = wanted.resumes or not wanted.ends
    if scope is None and stays:
        return None
    seen = [] if scope is None else _stopped_at_points(parts)
    content = make_plan(
        seen, subject=ref, scope=scope or Scope(), strategy=None, include=(), now=now()
    )
    if not content.steps and stays:
        return None
    if needs_approval(content, seen):
        raise ApprovalRequired
    plan = new_plan(about, scope or wanted.scope, tenant_id=whole.tenant_id, by=cause.by.id)
    plan.digest, plan.content, plan.reason = content.digest, content.to_json(), wanted.reason
    write([insertion(plan)], {})
    return begin_run(
        plan, about, parts, trigger=wanted.trigger, requested_by=cause.by.id, cause=cause,
        resume_after=wanted.resumes,
    )  # fmt: skip


def _of_what_there_is(scope: Scope, parts: Sequence[Part]) -> Scope | None:
    """Return the scope without steps that have not begun; None where none of it has."""
    if scope.kind == "whole":
        return scope
    words = (scope.step,) if scope.kind == "from_step" else scope.steps
    done = [part for part in parts if part.seq != SEQ_OF_UNORDERED]
    there = tuple(word for word in words if any(part.called(word) for part in done))
    if not there:
        return None
    return scope if scope.kind == "from_step" else dataclasses.replace(scope, steps=there)


def _stopped_at_points(parts: Sequence[Part]) -> list[Part]:
    """Return the parts as an automatic run may undo them: what was finished before the last point
    of no return stays."""
    last = max((_place(part) for part in parts if _is_point(part)), default=SEQ_OF_UNORDERED)
    return [
        dataclasses.replace(part, stands=_stays(part)) if _is_before(part, last) else part
        for part in parts
    ]


def _is_point(part: Part) -> bool:
    """Whether it is a point of no return that was passed, or may yet turn out to have been."""
    undone = part.row.compensation_state == CompensationState.COMPENSATED
    if part.reversibility not in _POINTS or undone:
        return False
    if part.stands is not None:
        return part.stands.code in _POINTS
    return part.row.status == part.settled or part.in_flight or part.unsure


def _place(part: Part) -> int:
    """Return its place in the order: what has not ended comes after all that has."""
    return sys.maxsize if part.in_flight or part.unsure else part.seq


def _is_before(part: Part, last: int) -> bool:
    needs_none = part.reversibility == Reversibility.NOT_NEEDED
    return SEQ_OF_UNORDERED < part.seq < last and _stands(part) and not needs_none


def _stands(part: Part) -> bool:
    """Whether it was finished, and nothing has undone it."""
    undone = part.row.compensation_state == CompensationState.COMPENSATED
    return part.row.status == part.settled and not undone and part.stands is None


def _stays(part: Part) -> Exclusion:
    return Exclusion(part.original, "pivot", _BEFORE_A_POINT, ("undo_item", "accept"))
