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
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from compensation.lifecycle import CompensationState
from compensation.planning import SEQ_OF_UNORDERED, Exclusion, Part, UndoStep, plan_original
from compensation.policy import CompensationPolicy
from json_values.pointers import MAX_GATHERED, FieldError
from ledger.canonical import digest
from ledger.errors import Invalid

_SCOPE_MEMBERS: dict[str, set[str]] = {
    "whole": set(),
    "from_step": {"step"},
    "steps": {"steps", "only_this"},
}
KINDS = tuple(_SCOPE_MEMBERS)
MAX_STEPS = 1000
MAX_STEP_NAME = 200
#: What `parse_include` and `parse_scope` read, as JSON Schema.
STEP_NAME_SCHEMA: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": MAX_STEP_NAME}
_MEMBER_SCHEMAS = {
    "step": STEP_NAME_SCHEMA,
    "steps": {"type": "array", "items": STEP_NAME_SCHEMA, "minItems": 1, "maxItems": MAX_STEPS},
    "only_this": {"type": "boolean"},
}
SCOPE_SCHEMAS: list[dict[str, Any]] = [
    {
        "type": "object",
        "properties": {
            "kind": {"const": kind},
            **{name: _MEMBER_SCHEMAS[name] for name in sorted(members)},
        },
        "required": ["kind", *sorted(members - {"only_this"})],
        "additionalProperties": False,
    }
    for kind, members in _SCOPE_MEMBERS.items()
]


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


def parse_scope(value: Any) -> Scope:
    """Return the checked scope; None means the whole case.

    Raises Invalid with a pointer below `/scope`; `sub_case` is refused by name.
    """
    if value is None:
        return Scope()
    if not isinstance(value, dict):
        raise Invalid.field("/scope", _("must be an object with a kind"))
    kind = value.get("kind")
    if kind == "sub_case":
        raise Invalid.field("/scope/kind", _("sub_case is not supported yet"), code="unsupported")
    if kind not in KINDS:
        raise Invalid.field(
            "/scope/kind", _("must be one of %(known)s") % {"known": ", ".join(KINDS)}
        )
    known = _SCOPE_MEMBERS[kind]
    errors = [
        FieldError(
            f"/scope/{name}", _("means nothing for kind %(kind)s") % {"kind": kind}, "unknown_field"
        )
        for name in sorted(set(value) - known - {"kind"})[:MAX_GATHERED]
    ]
    errors += _scope_errors(kind, value)
    if errors:
        raise Invalid(_("The scope breaks a rule."), errors=errors)
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
        errors.append(FieldError("/scope/step", _("must name a step"), "required"))
    if kind == "steps":
        if not isinstance(steps, list) or not 0 < len(steps) <= MAX_STEPS:
            errors.append(FieldError("/scope/steps", _("must list at least one step"), "required"))
        elif not all(_is_word(each) for each in steps):
            errors.append(FieldError("/scope/steps", _("must hold names or ids of steps")))
        if not isinstance(value.get("only_this", False), bool):
            errors.append(FieldError("/scope/only_this", _("must be true or false")))
    return errors


def parse_include(value: Any) -> tuple[str, ...]:
    """Return the names of steps to add as human steps. Raises Invalid."""
    if value is None:
        return ()
    good = isinstance(value, list | tuple) and len(value) <= MAX_STEPS
    if not good or not all(_is_word(each) for each in value):
        raise Invalid.field("/include", _("must be a list of names or ids of steps"))
    return tuple(dict.fromkeys(value))


def _is_word(value: Any) -> bool:
    return isinstance(value, str) and 0 < len(value) <= MAX_STEP_NAME


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

    `include` turns `no_compensation_declared` into a human step, and has what nobody knows the
    outcome of undone as if it had happened. Raises Invalid when scope or include names something
    that is not there, or the latter what may not be undone unless it happened.
    """
    ordered = sorted(parts, key=lambda part: (part.seq, part.original.id), reverse=True)
    covered, left = _covered(ordered, scope)
    covered.sort(key=lambda part: (part.order is None, part.order or 0.0))
    _check_include(covered, include)
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
    for part in covered:
        if part.policy is None and any(part.called(word) for word in include):
            by_person = CompensationPolicy(mode="human", performer="original_actor")
            part = dataclasses.replace(part, policy=by_person)  # noqa: PLW2901  -- as it is planned
        elif part.unsure and any(part.called(word) for word in include):
            part = dataclasses.replace(part, as_if=True)  # noqa: PLW2901  -- as it is planned
        planned = plan_original(part, strategy=strategy, now=now)
        if isinstance(planned, UndoStep):
            steps.append(planned.shown(len(steps) + 1, depends_on=_after(steps, part)))
        elif planned is not None:
            excluded.append(planned)
    barred = tuple(each.shown() for each in excluded)
    told = {part.original.id for part in (*covered, *left)}
    kept = tuple(
        part.original.name for part in ordered if part.original.id not in told and _stays(part)
    )
    return Content(tuple(steps), barred, _digest(steps, barred, subject, scope, strategy), kept)


def _after(steps: Sequence[dict[str, Any]], part: Part) -> list[int]:
    """Return what a part waits for that is undone after these steps: the one before, with those
    beside that; or what its own neighbours wait for. Side by side are equal declared numbers."""
    if not steps:
        return []
    last = steps[-1]
    if part.order is not None and last.get("undo_order") == part.order:
        return list(last["depends_on"])
    beside = itertools.takewhile(
        lambda step: step["depends_on"] == last["depends_on"], reversed(steps)
    )
    return sorted(step["n"] for step in beside)


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
            said = _("there is no step %(name)r in this case") % {"name": word}
            errors.append(FieldError(at, said, "unknown_step"))
        chosen.update((part.original.id, part) for part in found)
    if errors:
        raise Invalid(_("The scope names a step that is not there."), errors=errors)
    lowest = _lowest(ordered, chosen.values())
    if not scope.only_this:
        # What is still open came later than anything finished: it goes with the rest.
        return [p for p in ordered if p.seq >= lowest or p.seq == SEQ_OF_UNORDERED], []
    later = [p for p in ordered if p.seq > lowest and p.original.id not in chosen and _stays(p)]
    return [part for part in ordered if part.original.id in chosen], later


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


def difference(old: dict[str, Any], after: Content) -> dict[str, Any]:
    """Return what makes two plans differ, for the person who has to preview again."""
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
