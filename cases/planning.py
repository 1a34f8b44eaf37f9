"""What would be undone, in which order, and what cannot: a pure function of stored rows.

The order is falling `completion_seq`, the number drawn when each piece of work was completed;
never a timestamp. A step depends on the step before it, whose original was completed next, and
through it on all that were completed later. Nothing here reads the database or the clock.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from compensation.planning import Exclusion, OriginalRef, UndoStep, plan_original
from compensation.policy import CompensationPolicy
from ledger.canonical import digest
from ledger.clock import rfc3339
from ledger.errors import FieldError, Invalid

_SCOPE_MEMBERS: dict[str, set[str]] = {
    "whole": set(),
    "from_step": {"step"},
    "steps": {"steps", "only_this"},
}
KINDS = tuple(_SCOPE_MEMBERS)
MAX_STEPS = 1000
_SEQ_OF_UNORDERED = -1


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """One piece of a case's work (or the one item a plan is about) as planning sees it.

    `row` is the work item or execution; `settled` its finished status; `undo` the name of the
    binding that undoes it; `plan_item_id` None outside a case.
    """

    row: Any
    original: OriginalRef
    settled: str
    policy: CompensationPolicy | None
    reversibility: str
    completed_at: dt.datetime | None
    completed_by: uuid.UUID | None
    in_flight: bool
    undo: str = ""
    plan_item_id: uuid.UUID | None = None

    @property
    def seq(self) -> int:
        """The completion number, below all others for what has none."""
        found = self.row.completion_seq
        return _SEQ_OF_UNORDERED if found is None else int(found)

    def called(self, word: str) -> bool:
        """Whether `word` names this part: binding, plan item, work item or execution."""
        return word in {self.original.name, str(self.original.id), str(self.plan_item_id)}


@dataclasses.dataclass(frozen=True, slots=True)
class Scope:
    """Which part of a case a plan covers."""

    kind: str = "whole"
    step: str = ""
    steps: tuple[str, ...] = ()
    only_this: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the scope as the API spells it."""
        said: dict[str, Any] = {"kind": self.kind}
        if self.kind == "from_step":
            said["step"] = self.step
        if self.kind == "steps":
            said |= {"steps": list(self.steps), "only_this": self.only_this}
        return said


@dataclasses.dataclass(frozen=True, slots=True)
class Content:
    """A plan's steps and exclusions as they are stored and shown, and the digest over both."""

    steps: tuple[dict[str, Any], ...]
    excluded: tuple[dict[str, Any], ...]
    digest: str

    def to_json(self) -> dict[str, Any]:
        """Return what the plan's row keeps."""
        return {"steps": list(self.steps), "excluded": list(self.excluded)}


def parse_scope(value: Any) -> Scope:
    """Return the checked scope; None means the whole case.

    Raises Invalid with a pointer below `/scope`; `sub_case` is refused by name.
    """
    if value is None:
        return Scope()
    if not isinstance(value, dict):
        raise Invalid.field("/scope", "must be an object with a kind")
    kind = value.get("kind")
    if kind == "sub_case":
        raise Invalid.field("/scope/kind", "sub_case is not supported yet", code="unsupported")
    if kind not in KINDS:
        raise Invalid.field("/scope/kind", f"must be one of {', '.join(KINDS)}")
    known = _SCOPE_MEMBERS[kind]
    errors = [
        FieldError(f"/scope/{name}", f"means nothing for kind {kind}", "unknown_field")
        for name in sorted(set(value) - known - {"kind"})
    ]
    errors += _scope_errors(kind, value)
    if errors:
        raise Invalid("The scope breaks a rule.", errors=errors)
    return Scope(
        kind=kind,
        step=value.get("step", ""),
        steps=tuple(value.get("steps", ())),
        only_this=value.get("only_this", False),
    )


def _scope_errors(kind: str, value: dict[str, Any]) -> list[FieldError]:
    errors = []
    steps = value.get("steps")
    if kind == "from_step" and not _is_word(value.get("step")):
        errors.append(FieldError("/scope/step", "must name a step", "required"))
    if kind == "steps":
        if not isinstance(steps, list) or not 0 < len(steps) <= MAX_STEPS:
            errors.append(FieldError("/scope/steps", "must list at least one step", "required"))
        elif not all(_is_word(each) for each in steps):
            errors.append(FieldError("/scope/steps", "must hold names or ids of steps"))
        if not isinstance(value.get("only_this", False), bool):
            errors.append(FieldError("/scope/only_this", "must be true or false"))
    return errors


def parse_include(value: Any) -> tuple[str, ...]:
    """Return the names of steps to add as human steps. Raises Invalid."""
    if value is None:
        return ()
    good = isinstance(value, list | tuple) and len(value) <= MAX_STEPS
    if not good or not all(_is_word(each) for each in value):
        raise Invalid.field("/include", "must be a list of names or ids of steps")
    return tuple(dict.fromkeys(value))


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= 200  # noqa: PLR2004  -- longer than any name


def make_plan(
    parts: Iterable[Part],
    *,
    subject: tuple[str, uuid.UUID],
    scope: Scope,
    strategy: str | None,
    include: Collection[str],
    now: dt.datetime,
) -> Content:
    """Return steps, exclusions and digest for a scope over a case's parts.

    `include` turns `no_compensation_declared` into a human step. Raises Invalid when scope or
    include names something that is not there.
    """
    ordered = sorted(parts, key=lambda part: (part.seq, part.original.id), reverse=True)
    covered, left = _covered(ordered, scope)
    _check_include(covered, include)
    steps: list[tuple[Part, UndoStep]] = []
    excluded = [
        Exclusion(
            part.original,
            "dependents_remain",
            "It was completed later, may depend on what is undone, and stays.",
            ("scope_from_step", "accept"),
        )
        for part in left
    ]
    for part in covered:
        planned = _plan_part(part, strategy=strategy, include=include, now=now)
        if isinstance(planned, UndoStep):
            steps.append((part, planned))
        elif planned is not None:
            excluded.append(planned)
    return _content(steps, excluded, subject, scope, strategy)


def _plan_part(
    part: Part, *, strategy: str | None, include: Collection[str], now: dt.datetime
) -> UndoStep | Exclusion | None:
    policy = part.policy
    if policy is None and any(part.called(word) for word in include):
        policy = CompensationPolicy(mode="human", performer="original_actor")
    return plan_original(
        part.row,
        part.original,
        settled=part.settled,
        policy=policy,
        completed_at=part.completed_at,
        completed_by=part.completed_by,
        in_flight=part.in_flight,
        strategy=strategy,
        now=now,
    )


def _covered(ordered: Sequence[Part], scope: Scope) -> tuple[list[Part], list[Part]]:
    """Return the parts in scope, and finished later ones that `only_this` leaves behind."""
    if scope.kind == "whole":
        return list(ordered), []
    words = [scope.step] if scope.kind == "from_step" else list(scope.steps)
    chosen: dict[uuid.UUID, Part] = {}
    errors = []
    for index, word in enumerate(words):
        found = [part for part in ordered if part.called(word)]
        if not found:
            at = "/scope/step" if scope.kind == "from_step" else f"/scope/steps/{index}"
            errors.append(FieldError(at, f"there is no step {word!r} in this case", "unknown_step"))
        chosen.update((part.original.id, part) for part in found)
    if errors:
        raise Invalid("The scope names a step that is not there.", errors=errors)
    lowest = min(part.seq for part in chosen.values())
    if not scope.only_this:
        # What is still open came later than anything finished: it goes with the rest.
        return [p for p in ordered if p.seq >= lowest or p.seq == _SEQ_OF_UNORDERED], []
    later = [p for p in ordered if p.seq > lowest and p.original.id not in chosen and _stays(p)]
    return [part for part in ordered if part.original.id in chosen], later


def _stays(part: Part) -> bool:
    return part.row.status == part.settled and part.reversibility != "not_needed"


def _check_include(covered: Sequence[Part], include: Collection[str]) -> None:
    errors = []
    for index, word in enumerate(include):
        found = [part for part in covered if part.called(word)]
        if not found:
            message = f"there is no step {word!r} in this scope"
            errors.append(FieldError(f"/include/{index}", message, "unknown_step"))
    if errors:
        raise Invalid("Include names a step that is not there.", errors=errors)


def _content(
    steps: Sequence[tuple[Part, UndoStep]],
    excluded: Sequence[Exclusion],
    subject: tuple[str, uuid.UUID],
    scope: Scope,
    strategy: str | None,
) -> Content:
    shown = tuple(
        shown_step(n, part, step, depends_on=[n - 1] if n > 1 else [])
        for n, (part, step) in enumerate(steps, start=1)
    )
    barred = tuple(
        {
            "original": _ref(each.original),
            "code": each.code,
            "detail": each.detail,
            "alternatives": list(each.alternatives),
        }
        for each in excluded
    )
    return Content(shown, barred, _digest(shown, barred, subject, scope, strategy))


def _ref(original: OriginalRef) -> dict[str, str]:
    return {"type": original.type, "id": str(original.id), "name": original.name}


def shown_step(n: int, part: Part, step: UndoStep, *, depends_on: list[int]) -> dict[str, Any]:
    """Return one step as the plan stores and shows it."""
    return {
        "n": n,
        "original": _ref(step.original),
        "completion_seq": step.completion_seq,
        "completed_at": rfc3339(step.completed_at) if step.completed_at else None,
        "completed_by": str(step.completed_by) if step.completed_by else None,
        "mode": step.mode,
        "strategy": step.strategy,
        "capability": step.capability,
        "performer": step.performer,
        "candidate_groups": list(step.candidate_groups),
        "fallback": step.fallback,
        "policy_hash": step.policy_hash,
        "binding": part.undo,
        "deadline": None,
        "depends_on": depends_on,
    }


def _digest(
    steps: Sequence[dict[str, Any]],
    excluded: Sequence[dict[str, Any]],
    subject: tuple[str, uuid.UUID],
    scope: Scope,
    strategy: str | None,
) -> str:
    """Return the digest of what decides (DESIGN §6): no plan ids, no clock values, no reason."""

    def bare(original: dict[str, str]) -> dict[str, str]:
        return {"type": original["type"], "id": original["id"]}

    said = ("mode", "strategy", "capability", "performer", "policy_hash", "depends_on")
    return digest(
        {
            "subject": {"type": subject[0], "id": str(subject[1])},
            "scope": scope.to_json(),
            "strategy": strategy,
            "steps": [
                {
                    "original": bare(step["original"]),
                    "seq": step["completion_seq"],
                    **{name: step[name] for name in said},
                }
                for step in steps
            ],
            "excluded": [
                {"original": bare(each["original"]), "code": each["code"]} for each in excluded
            ],
        }
    )


def difference(before: Content | dict[str, Any], after: Content) -> dict[str, Any]:
    """Return what makes two plans differ, for the person who has to preview again."""
    old = before.to_json() if isinstance(before, Content) else before
    new = after.to_json()

    def ids(plan: dict[str, Any]) -> dict[str, str]:
        return {step["original"]["id"]: step["original"]["name"] for step in plan["steps"]}

    def codes(plan: dict[str, Any]) -> dict[str, str]:
        return {each["original"]["id"]: each["code"] for each in plan["excluded"]}

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
