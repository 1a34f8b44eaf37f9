"""Compensation policy: how a step may be undone, by whom, and until when.

One shape serves work items, templates, bindings of a case definition and capabilities. A policy
says only what its author wrote; `merge` lets the more specific one win field by field and
`effective` fills in the defaults at the very end, so that a default never hides a wish.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Any, Final, Self

from ledger.canonical import digest
from ledger.durations import DurationError, format_duration, parse_duration
from ledger.errors import FieldError

MODES: Final = ("human", "automated")
STRATEGIES: Final = ("restore", "correct")
PERFORMERS: Final = ("original_actor", "groups", "not_original_actor")
FALLBACKS: Final = ("human", "fault")

#: What an author may declare. Saying nothing means `unspecified`, which cannot be written.
REVERSIBILITIES: Final = ("compensable", "retriable", "pivot", "irreversible", "not_needed")
UNSPECIFIED: Final = "unspecified"

MAX_GROUPS: Final = 50
MAX_NAME_LENGTH: Final = 150

#: Keys of the policy that exist on paper but cannot be honoured yet. Accepting them silently
#: would promise an approval or a deadline that nobody keeps.
_UNSUPPORTED: Final = ("deadline", "compensate_on")


class PolicyError(ValueError):
    """A policy broke at least one rule; `errors` lists every one of them.

    The code of an error is `invalid`, `unknown` (no such field) or `unsupported` (not yet).
    """

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(f"{e.pointer or '/'}: {e.message}" for e in errors))
        self.errors = errors


@dataclass(frozen=True, slots=True, kw_only=True)
class CompensationPolicy:
    """What was said about undoing something; `None` means that nothing was said."""

    mode: str | None = None
    strategy: str | None = None
    capability: str | None = None
    performer: str | None = None
    candidate_groups: tuple[str, ...] | None = None
    window: timedelta | None = None
    fallback: str | None = None
    self_undo: bool | None = None

    def to_json(self) -> dict[str, object]:
        """Return what was said, and only that, as JSON values; the window as ISO 8601 text."""
        said: dict[str, object] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, timedelta):
                value = format_duration(value)
            elif isinstance(value, tuple):
                value = list(value)
            if value is not None:
                said[field.name] = value
        return said

    @classmethod
    def from_json(cls, stored: Mapping[str, object]) -> Self:
        """Rebuild a policy from `to_json`; raises `PolicyError` if the stored form was damaged."""
        return cls(**_fields_of(stored, pointer=""))

    @classmethod
    def merge(cls, *by_precedence: CompensationPolicy | None) -> Self:
        """Combine policies, strongest first: for each field the first one that says it wins."""
        chosen: dict[str, Any] = {}
        for policy in by_precedence:
            for field in fields(cls):
                value = getattr(policy, field.name, None)
                if value is not None:
                    chosen.setdefault(field.name, value)
        return cls(**chosen)

    def effective(self) -> Self:
        """Return the policy with defaults in place of silence; no window means no time limit."""
        guessed_mode = "automated" if self.capability else "human"
        return type(self)(
            mode=self.mode or guessed_mode,
            strategy=self.strategy or "restore",
            capability=self.capability,
            performer=self.performer or "original_actor",
            candidate_groups=self.candidate_groups or (),
            window=self.window,
            fallback=self.fallback or "fault",
            self_undo=bool(self.self_undo),
        )

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over the RFC 8785 form: equal policies, equal digests."""
        return digest(self.to_json())


def parse_policy(value: object, *, pointer: str = "") -> CompensationPolicy:
    """Read a policy as its author wrote it; `pointer` is where it stands in the whole document.

    Raises `PolicyError` with every problem found.
    """
    if not isinstance(value, Mapping):
        raise PolicyError([FieldError(pointer, "must be a map of policy fields", "invalid")])
    policy = CompensationPolicy(**_fields_of(value, pointer=pointer))
    problems = _contradictions(policy, pointer)
    if problems:
        raise PolicyError(problems)
    return policy


def parse_reversibility(value: object, *, pointer: str = "") -> str:
    """Read a declared reversibility; raises `PolicyError` naming the permitted words."""
    if isinstance(value, str) and value in REVERSIBILITIES:
        return value
    message = f"must be one of {', '.join(REVERSIBILITIES)}"
    raise PolicyError([FieldError(pointer, message, "invalid")])


def escape_pointer(token: object) -> str:
    """Escape one step of a JSON pointer (RFC 6901)."""
    return str(token).replace("~", "~0").replace("/", "~1")


def _fields_of(value: Mapping[str, object], *, pointer: str) -> dict[str, Any]:
    """Check every key of a policy map and return the fields it says, or raise all problems."""
    said: dict[str, Any] = {}
    problems: list[FieldError] = []
    for key, item in value.items():
        where = f"{pointer}/{escape_pointer(key)}"
        if key in _UNSUPPORTED:
            problems.append(FieldError(where, f"{key} is not supported yet", "unsupported"))
        elif key == "approval":
            problems.extend(_approval_problems(item, where))
        elif key not in _READERS:
            known = ", ".join(sorted([*_READERS, "approval"]))
            problems.append(
                FieldError(where, f"unknown field {key!r}; known are {known}", "unknown")
            )
        else:
            try:
                said[key] = _READERS[key](item)
            except ValueError as problem:
                problems.append(FieldError(where, str(problem), "invalid"))
    if problems:
        raise PolicyError(problems)
    return said


def _approval_problems(value: object, pointer: str) -> list[FieldError]:
    """`none` is what happens anyway; the other words are known but cannot be honoured yet."""
    if value == "none":
        return []
    if value in ("one", "two"):
        message = f"approval: {value} is not supported yet; only none"
        return [FieldError(pointer, message, "unsupported")]
    return [FieldError(pointer, "must be one of none, one, two", "invalid")]


def _contradictions(policy: CompensationPolicy, pointer: str) -> list[FieldError]:
    """Find fields that cannot both be meant."""
    problems = []
    if policy.mode == "human" and policy.capability is not None:
        message = "a capability belongs to mode: automated, not to mode: human"
        problems.append(FieldError(f"{pointer}/capability", message, "invalid"))
    if policy.performer == "not_original_actor" and policy.self_undo:
        message = "self_undo: true contradicts performer: not_original_actor"
        problems.append(FieldError(f"{pointer}/self_undo", message, "invalid"))
    return problems


def _one_of(words: tuple[str, ...]) -> Callable[[object], str]:
    """Return a reader that accepts exactly these words."""

    def read(value: object) -> str:
        if isinstance(value, str) and value in words:
            return value
        raise ValueError(f"must be one of {', '.join(words)}")

    return read


def _name(value: object) -> str:
    if isinstance(value, str) and value.strip() and len(value) <= MAX_NAME_LENGTH:
        return value
    raise ValueError(f"must be a name of 1 to {MAX_NAME_LENGTH} characters")


def _groups(value: object) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise ValueError("must be a list with at least one group name")
    if len(value) > MAX_GROUPS:
        raise ValueError(f"must name at most {MAX_GROUPS} groups")
    names = tuple(_name(item) for item in value)
    if len(set(names)) != len(names):
        raise ValueError("must not name a group twice")
    return names


def _window(value: object) -> timedelta:
    if not isinstance(value, str):
        raise DurationError("must be an ISO 8601 duration such as P30D")
    return parse_duration(value)


def _flag(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise ValueError("must be true or false")


_READERS: Final[dict[str, Callable[[object], object]]] = {
    "mode": _one_of(MODES),
    "strategy": _one_of(STRATEGIES),
    "capability": _name,
    "performer": _one_of(PERFORMERS),
    "candidate_groups": _groups,
    "window": _window,
    "fallback": _one_of(FALLBACKS),
    "self_undo": _flag,
}
