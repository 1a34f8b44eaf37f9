"""What would be undone, in which order, and what cannot: a pure function of stored rows.

The order is falling `completion_seq`, the number drawn when each piece of work was completed;
never a timestamp. A step depends on the step before it, whose original was completed next, and
through it on all that were completed later. Nothing here reads the database or the clock.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from compensation.lifecycle import OWES, RESIDUAL_EXCLUSIONS, CompensationState
from compensation.plan_scope import Scope, Waiver
from compensation.planning import (
    NOTHING_WITHIN,
    SEQ_OF_UNORDERED,
    Exclusion,
    NestedStep,
    Part,
    UndoStep,
    plan_original,
)
from compensation.policy import CompensationPolicy
from json_values.pointers import FieldError
from ledger.canonical import digest
from ledger.errors import Invalid

#: Type and id of what a plan is about.
Subject: TypeAlias = tuple[str, uuid.UUID]
# What may be done about a piece of work, and not about a whole of which nothing can be undone.
_OF_PIECES = frozenset({"correct", "undo_item", "override_window"})
_PLACES = {"from_step": "/scope/step", "sub_case": "/scope/case"}


@dataclasses.dataclass(frozen=True, slots=True)
class Content:
    """A plan's steps and exclusions as they are stored and shown, and the digest over both; `kept`
    names what was finished before the point that was chosen, last finished first."""

    steps: tuple[dict[str, Any], ...]
    excluded: tuple[dict[str, Any], ...]
    digest: str
    kept: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return what the plan's row keeps."""
        return {
            "steps": list(self.steps), "excluded": list(self.excluded), "kept": list(self.kept),
        }  # fmt: skip


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What whoever plans asks for, at all levels; `waive` is what may stay, `overrides` what is
    undone although its time is over, each with the reason."""

    strategy: str | None
    include: Collection[str]
    waive: Sequence[Waiver]
    now: dt.datetime
    overrides: Sequence[Waiver] = ()

    def includes(self, part: Part) -> bool:
        """Whether a part was named to be undone all the same."""
        return any(part.called(word) for word in self.include)

    def why_waived(self, part: Part) -> str:
        """Return why a part may stay, as somebody said; else nothing."""
        return next((each.reason for each in self.waive if part.called(each.step)), "")

    def why_although_late(self, part: Part) -> str:
        """Return why a part is undone although its time is over, as somebody said; else nothing."""
        return next((each.reason for each in self.overrides if part.called(each.step)), "")


def make_plan(
    parts: Iterable[Part],
    *,
    subject: Subject,
    scope: Scope,
    strategy: str | None,
    include: Collection[str],
    now: dt.datetime,
    waive: Sequence[Waiver] = (),
    overrides: Sequence[Waiver] = (),
) -> Content:
    """Return steps, exclusions and digest for a scope over a case's parts.

    `include` turns `no_compensation_declared` into a human step, and has what nobody knows the
    outcome of undone as if it had happened; `waive` says why something may stay, `overrides` why
    something is undone although its time is over. A part that is a whole of its own is one step,
    with a plan of its own inside. Raises Invalid when scope or include names something that is not
    there, or the latter what may not be undone unless it happened.
    """
    ordered = sorted(parts, key=lambda part: (part.seq, part.original.id), reverse=True)
    covered, left = _covered(ordered, scope)
    _check_include(list(every_part(covered)), include)
    wish = Wish(strategy=strategy, include=include, waive=waive, now=now, overrides=overrides)
    content = _content(covered, left, subject, scope, wish)
    told = {part.original.id for part in (*covered, *left)}
    kept = tuple(
        part.original.name for part in ordered if part.original.id not in told and _stays(part)
    )
    return dataclasses.replace(content, kept=kept)


def every_part(parts: Iterable[Part]) -> Iterator[Part]:
    """Yield parts, each with those below it at all levels."""
    for part in parts:
        yield part
        yield from every_part(part.below or ())


def every_step(content: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the steps of a plan at all levels, what is below a step before the step itself."""
    for step in content["steps"]:
        yield from every_step(step.get("nested") or {"steps": ()})
        yield step


def undos_in(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the steps of a plan at all levels that undo a piece of work, first undone first."""
    return [step for step in every_step(content) if not step.get("nested")]


def every_exclusion(content: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what a plan leaves out, at all levels."""
    for each in content["excluded"]:
        yield each
        yield from each.get("within", ())
    for step in content["steps"]:
        if step.get("nested"):
            yield from every_exclusion(step["nested"])


def is_waived(each: Mapping[str, Any]) -> bool:
    """Whether somebody said why what a plan leaves out may stay."""
    return bool(each.get("waived"))


def _content(
    covered: Sequence[Part], left: Sequence[Part], subject: Subject, scope: Scope, wish: Wish
) -> Content:
    """Return the plan over parts in falling order; `left` are later ones that stay."""
    steps: list[dict[str, Any]] = []
    excluded = [
        Exclusion(
            part.original,
            "dependents_remain",
            gettext_noop("It was completed later, may depend on what is undone, and stays."),
            ("scope_from_step", "accept"),
        )
        for part in left
    ]
    for part in sorted(covered, key=lambda part: (part.order is None, part.order or 0.0)):
        for planned in _planned(part, wish):
            if isinstance(planned, Exclusion):
                excluded.append(_with_waiver(planned, part, wish))
            else:
                steps.append(planned.shown(len(steps) + 1, depends_on=_after(steps, part)))
    barred = tuple(each.shown() for each in excluded)
    return Content(tuple(steps), barred, _digest(steps, barred, subject, scope, wish.strategy))


def _planned(part: Part, wish: Wish) -> Iterator[UndoStep | NestedStep | Exclusion]:
    """Yield what becomes of a part: one of these, or nothing where it needs no undo."""
    if part.below is not None and part.stands is None:
        yield from _nested(part, part.below, wish)
        return
    if part.policy is None and wish.includes(part):
        by_person = CompensationPolicy(mode="human", performer="original_actor")
        part = dataclasses.replace(part, policy=by_person)
    elif part.unsure and wish.includes(part):
        part = dataclasses.replace(part, as_if=True)
    planned = plan_original(
        part, strategy=wish.strategy, now=wish.now, although_late=wish.why_although_late(part)
    )
    if planned is not None:
        yield planned


def _nested(
    part: Part, below: Sequence[Part], wish: Wish
) -> Iterator[UndoStep | NestedStep | Exclusion]:
    ordered = sorted(below, key=lambda part: (part.seq, part.original.id), reverse=True)
    inner = _content(ordered, (), (part.original.type, part.original.id), Scope(), wish)
    codes = [each["code"] for each in inner.excluded if each["code"] in RESIDUAL_EXCLUSIONS]
    # What is under way there is called off or waited for by a run of its own, and nobody else.
    goes_on = part.is_open or any(each["code"] in OWES for each in inner.excluded)
    if inner.steps or goes_on or not codes:
        yield NestedStep(part, inner.to_json(), inner.digest, wish.strategy)
        return
    others = {name: None for each in inner.excluded for name in each["alternatives"]}
    offered = tuple(name for name in others if name not in _OF_PIECES)
    yield Exclusion(part.original, codes[0], NOTHING_WITHIN, offered, within=inner.excluded)


def _with_waiver(planned: Exclusion, part: Part, wish: Wish) -> Exclusion:
    if planned.code not in RESIDUAL_EXCLUSIONS:
        return planned
    return dataclasses.replace(planned, waived=wish.why_waived(part))


def _after(steps: Sequence[dict[str, Any]], part: Part) -> list[int]:
    """Return what a part waits for that is undone after these steps: the one before, with those
    beside that; or what its own neighbours wait for.

    Side by side are equal declared numbers, but what one step did several times is undone one time
    after the other, the last first: each began from what the one before had left. Who stands in
    line behind such a one waits with it, so the first in line is always the next to start.
    """
    if not steps:
        return []
    last = steps[-1]
    order = last.get("undo_order")
    together = [last]
    if order is not None:
        same = itertools.takewhile(lambda step: step.get("undo_order") == order, reversed(steps))
        together = list(same)
    if part.order is None or part.order != order:
        return sorted(step["n"] for step in together)
    waits = set(last["depends_on"])
    for step in together:
        if step["original"]["name"] == part.original.name:
            return sorted({step["n"], *waits.difference(step["depends_on"])})
    return sorted(waits)


def _covered(ordered: Sequence[Part], scope: Scope) -> tuple[list[Part], list[Part]]:
    """Return the parts in scope, and finished later ones that `only_this` leaves behind."""
    if scope.kind == "whole":
        return list(ordered), []
    words = scope.words
    chosen: dict[uuid.UUID, Part] = {}
    errors = []
    for index, word in enumerate(words):
        found = [part for part in ordered if part.called(word) and _fits(part, scope)]
        if not found:
            at = f"/scope/steps/{index}" if scope.kind == "steps" else _PLACES[scope.kind]
            said = _("there is no step %(name)r in this case") % {"name": word}
            errors.append(FieldError(at, said, "unknown_step"))
        chosen.update((part.original.id, part) for part in found)
    if errors:
        raise Invalid(_("The scope names a step that is not there."), errors=errors)
    lowest = _lowest(ordered, chosen.values())
    if not scope.alone:
        # What is still open came later than anything finished: it goes with the rest.
        return [p for p in ordered if p.seq >= lowest or p.seq == SEQ_OF_UNORDERED], []
    later = [p for p in ordered if p.seq > lowest and p.original.id not in chosen and _stays(p)]
    return [part for part in ordered if part.original.id in chosen], later


def _fits(part: Part, scope: Scope) -> bool:
    """Whether a part may be what a scope names: a sub-case, where it says so."""
    return scope.kind != "sub_case" or part.is_whole


def _lowest(ordered: Sequence[Part], chosen: Collection[Part]) -> int:
    """Return the number from which on the chosen parts, and what came after them, were finished: of
    what was done in several rounds that of the first that stands. What was never finished has no
    place in that order: beyond all numbers then, where only what is open comes with it."""
    done = [part for part in chosen if part.seq != SEQ_OF_UNORDERED]
    stands = [part for part in done if part.row.compensation_state != CompensationState.COMPENSATED]
    return min((part.seq for part in stands or done), default=ordered[0].seq + 1)


def _stays(part: Part) -> bool:
    return part.row.status == part.settled and part.reversibility != "not_needed"


def _check_include(covered: Sequence[Part], include: Collection[str]) -> None:
    errors = [
        FieldError(
            f"/include/{index}",
            _("there is no step %(name)r in this scope") % {"name": word},
            "unknown_step",
        )
        for index, word in enumerate(include)
        if not any(part.called(word) for part in covered)
    ]
    if errors:
        raise Invalid(_("Include names a step that is not there."), errors=errors)
    apart = [
        FieldError(
            f"/include/{index}",
            _("%(name)r is a case of its own: roll that back first") % {"name": word},
            "stands_by_itself",
        )
        for index, word in enumerate(include)
        if any(part.called(word) and part.stands is not None for part in covered)
    ]
    if apart:
        raise Invalid(_("Include names what no plan of this case undoes."), errors=apart)
    unsafe = [
        FieldError(
            f"/include/{index}",
            _("nobody knows whether %(name)r happened, and its undo may only run if it did:"
              " settle its outcome first") % {"name": word}, "outcome_unknown",
        )
        for index, word in enumerate(include)
        if any(part.called(word) and part.unsure and not part.safe_on_nothing for part in covered)
    ]  # fmt: skip
    if unsafe:
        raise Invalid(_("Include names a step whose outcome is unknown."), errors=unsafe)


def _digest(
    steps: Sequence[dict[str, Any]],
    excluded: Sequence[dict[str, Any]],
    subject: Subject,
    scope: Scope,
    strategy: str | None,
) -> str:
    """Return the digest of what decides (DESIGN §6): no plan ids, no clock values, no reason. What
    is planned inside of a step is in it by its own digest (`policy_hash`)."""

    said = ("mode", "strategy", "capability", "performer", "policy_hash", "depends_on")
    return digest(
        {
            "subject": {"type": subject[0], "id": str(subject[1])},
            "scope": scope.to_json(),
            "strategy": strategy,
            "steps": [
                {
                    "original": _bare(step["original"]),
                    "seq": step["completion_seq"],
                    **{name: step[name] for name in said},
                    **({"window_overridden": True} if step.get("window_overridden") else {}),
                }
                for step in steps
            ],
            "excluded": [_decisive(each) for each in excluded],
        }
    )


def _bare(original: Mapping[str, str]) -> dict[str, str]:
    return {"type": original["type"], "id": original["id"]}


def _decisive(each: Mapping[str, Any]) -> dict[str, Any]:
    """Return of an exclusion what the digest is over."""
    within = [_decisive(inner) for inner in each.get("within", ())]
    return {
        "original": _bare(each["original"]),
        "code": each["code"],
        **({"waived": True} if is_waived(each) else {}),
        **({"within": within} if within else {}),
    }


def difference(old: dict[str, Any], after: Content) -> dict[str, Any]:
    """Return what makes two plans differ, for the person who has to preview again."""
    new = after.to_json()

    def ids(plan: dict[str, Any]) -> dict[str, str]:
        return {step["original"]["id"]: step["original"]["name"] for step in every_step(plan)}

    def codes(plan: dict[str, Any]) -> dict[str, str]:
        return {each["original"]["id"]: each["code"] for each in every_exclusion(plan)}

    was, now = ids(old), ids(new)
    was_out, now_out = codes(old), codes(new)
    return {
        "added": sorted(name for id_, name in now.items() if id_ not in was),
        "removed": sorted(name for id_, name in was.items() if id_ not in now),
        "reordered": [i for i in was if i in now] != [i for i in now if i in was],
        "excluded": [
            {"original": id_, "before": was_out.get(id_), "now": now_out.get(id_)}
            for id_ in sorted(set(was_out) | set(now_out))
            if was_out.get(id_) != now_out.get(id_)
        ],
    }
