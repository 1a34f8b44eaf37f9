"""Which part of a case a plan covers, and what it adds or waives: read from what people send."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from json_values.pointers import MAX_GATHERED, FieldError
from ledger.errors import Invalid

_SCOPE_MEMBERS: dict[str, set[str]] = {
    "whole": set(),
    "from_step": {"step"},
    "steps": {"steps", "only_this"},
    "sub_case": {"case"},
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
    "case": STEP_NAME_SCHEMA,
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
    """Which part of a case a plan covers; `case` is the sub-case that alone is undone."""

    kind: str = "whole"
    step: str = ""
    steps: tuple[str, ...] = ()
    only_this: bool = False
    case: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """The names or ids of what was chosen."""
        chosen = {"from_step": (self.step,), "steps": self.steps, "sub_case": (self.case,)}
        return chosen.get(self.kind, ())

    @property
    def alone(self) -> bool:
        """Whether what was finished after what was chosen stays."""
        return self.only_this or self.kind == "sub_case"

    def to_json(self) -> dict[str, Any]:
        """Return the scope as the API spells it."""
        said: dict[str, Any] = {"kind": self.kind}
        if self.kind == "from_step":
            said["step"] = self.step
        if self.kind == "steps":
            said |= {"steps": list(self.steps), "only_this": self.only_this}
        if self.kind == "sub_case":
            said["case"] = self.case
        return said


def leaves_rest(stored: Mapping[str, Any]) -> bool:
    """Whether a plan's stored scope is about chosen steps alone, so that open work stays."""
    return bool(stored.get("only_this", False)) or stored["kind"] == "sub_case"


@dataclasses.dataclass(frozen=True, slots=True)
class Waiver:
    """Somebody's word about one step, and why: that what cannot be undone may stay, or that it is
    undone although its time is over."""

    step: str
    reason: str

    def to_json(self) -> dict[str, str]:
        """Return it as plans store it."""
        return {"step": self.step, "reason": self.reason}


def parse_scope(value: Any) -> Scope:
    """Return the checked scope; None means the whole case.

    Raises Invalid with a pointer below `/scope`.
    """
    if value is None:
        return Scope()
    if not isinstance(value, dict):
        raise Invalid.field("/scope", _("must be an object with a kind"))
    kind = value.get("kind")
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
        case=value.get("case", ""),
    )


def _scope_errors(kind: str, value: dict[str, Any]) -> list[FieldError]:
    errors = []
    steps = value.get("steps")
    if kind == "from_step" and not _is_word(value.get("step")):
        errors.append(FieldError("/scope/step", _("must name a step"), "required"))
    if kind == "sub_case" and not _is_word(value.get("case")):
        errors.append(FieldError("/scope/case", _("must name a sub-case"), "required"))
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
