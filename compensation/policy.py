"""Compensation policy: how a step may be undone, by whom, and until when.

One shape serves work items, templates, bindings of a case definition and capabilities. A policy
says only what its author wrote; `merge` lets the more specific one win field by field and
`effective` fills in the defaults at the very end, so that a default never hides a wish.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    Strict,
    Tag,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import ErrorDetails, PydanticCustomError

from compensation.windows import Window, closes_at
from json_values.characters import BARE_LINE, fault_of_line
from json_values.pointers import MAX_GATHERED, FieldError, escape
from ledger.canonical import digest
from ledger.durations import DURATION, format_duration, parse_duration

Mode = Literal["human", "automated"]
Strategy = Literal["restore", "correct"]

MODES: Final[tuple[str, ...]] = get_args(Mode)
STRATEGIES: Final[tuple[str, ...]] = get_args(Strategy)

#: What an author may declare. Saying nothing means `unspecified`, which cannot be written.
REVERSIBILITIES: Final = ("compensable", "retriable", "pivot", "irreversible", "not_needed")
UNSPECIFIED: Final = "unspecified"

MAX_NAMES: Final = 100
MAX_NAME_LENGTH: Final = 150
#: Steps of an approval, and the people and groups that one of them names.
MAX_STEPS: Final = 5
MAX_APPROVERS: Final = 10
#: As JSON, with as many and as long names as there may be.
POLICY_BYTES: Final = 48 * 1024

#: Keys of the policy that exist on paper but cannot be honoured yet. Accepting them silently
#: would promise what nobody keeps.
_UNSUPPORTED: Final = ("compensate_on",)
_NAME_RULE: Final = f"must be a name of 1 to {MAX_NAME_LENGTH} characters"
_LIST_RULE: Final = "must be a list with at least one {one} name"
#: By pydantic's type of error: each kind of value is broken in one way only.
_RULES: Final = {
    "model_type": "must be a map of policy fields",
    "bool_type": "must be true or false",
    "tuple_type": _LIST_RULE,
    "too_long": "must name at most {most} {one}s",
    "string_type": _NAME_RULE,
    "string_too_long": _NAME_RULE,
    "string_pattern_mismatch": _NAME_RULE,
    "string_unicode": "must not hold half a character (a lone surrogate)",
}


class PolicyError(ValueError):
    """A policy broke at least one rule; `errors` lists every one of them.

    The code of an error is `invalid`, `unknown` (no such field) or `unsupported` (not yet).
    """

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(f"{e.pointer or '/'}: {e.message}" for e in errors))
        self.errors = errors


def _once_each(names: tuple[str, ...]) -> tuple[str, ...]:
    if not names:
        raise ValueError(_LIST_RULE)
    if len(set(names)) != len(names):
        raise ValueError("must not name a {one} twice")
    return names


def _line(name: str) -> str:
    fault = fault_of_line(name)
    if fault is not None:
        raise PydanticCustomError(*fault)
    return name


def _length(value: object) -> object:
    if isinstance(value, str):
        return parse_duration(value)
    if isinstance(value, timedelta):
        return value
    raise ValueError("must be an ISO 8601 duration such as P30D")


def _some(length: timedelta) -> timedelta:
    if not length:
        message = "must be longer than nothing"
        raise PydanticCustomError("unsupported", "{message}", {"message": message})
    return length


Name = Annotated[
    str,
    Field(max_length=MAX_NAME_LENGTH, pattern=r"\S"),
    AfterValidator(_line),
    WithJsonSchema({"type": "string", "maxLength": MAX_NAME_LENGTH, "pattern": BARE_LINE}),
]
Names = Annotated[
    tuple[Name, ...],
    Strict(strict=False),  # a list of JSON
    Field(max_length=MAX_NAMES, json_schema_extra={"minItems": 1, "uniqueItems": True}),
    AfterValidator(_once_each),
]
#: A length of time, written and stored as ISO 8601 text.
Duration = Annotated[
    timedelta,
    BeforeValidator(_length),
    PlainSerializer(format_duration),
    WithJsonSchema({"type": "string", "pattern": DURATION}),
]


Approvers = Annotated[
    tuple[Name, ...],
    Strict(strict=False),  # a list of JSON
    Field(max_length=MAX_APPROVERS, json_schema_extra={"minItems": 1, "uniqueItems": True}),
    AfterValidator(_once_each),
]


def _said_or_left_out(schema: dict[str, Any]) -> None:
    """Describe the fields as authors write them: what is not said is left out, and never null."""
    for field in schema["properties"].values():
        kinds = [kind for kind in field.pop("anyOf", ()) if kind != {"type": "null"}]
        field.pop("default", None)
        field.update(kinds[0] if len(kinds) == 1 else {"anyOf": kinds} if kinds else {})


def _naming_somebody(schema: dict[str, Any]) -> None:
    _said_or_left_out(schema)
    schema["anyOf"] = [{"required": [name]} for name in schema["properties"]]


def _unsaid(value: object) -> bool:
    return not value


class ApprovalStep(BaseModel):
    """One step of an approval: one of these people, or of the members of these groups, agrees."""

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, json_schema_extra=_naming_somebody
    )

    users: Approvers = Field(default=(), exclude_if=_unsaid)
    groups: Approvers = Field(default=(), exclude_if=_unsaid)

    @model_validator(mode="after")
    def _names_somebody(self) -> Self:
        if not self.users and not self.groups:
            raise ValueError("must name users or groups")
        return self


def _each_by_another(steps: tuple[ApprovalStep, ...]) -> tuple[ApprovalStep, ...]:
    if not steps:
        raise ValueError("must name at least one step")
    alone = [step.users for step in steps if not step.groups and len(step.users) == 1]
    if len(set(alone)) != len(alone):
        raise ValueError("must not ask one user alone twice: nobody decides two steps")
    return steps


def _kind_of_approval(value: object) -> str:
    return "steps" if isinstance(value, list | tuple) else "word"


#: How many have to agree, or, step by step, who.
Approval = Annotated[
    Annotated[Literal["none", "one", "two"], Tag("word")]
    | Annotated[
        tuple[ApprovalStep, ...],
        Strict(strict=False),  # a list of JSON
        Field(max_length=MAX_STEPS, json_schema_extra={"minItems": 1}),
        AfterValidator(_each_by_another),
        Tag("steps"),
    ],
    Discriminator(_kind_of_approval),
]


class CompensationPolicy(BaseModel):
    """What was said about undoing something; `None` means that nothing was said.

    Until `window` closes it can be undone; when `deadline` is over since an undo task was opened,
    that is escalated, and the undo has failed. `on_failure`: whether a rollback waits until
    somebody has decided about it, or undoes the rest meanwhile.
    """

    model_config = ConfigDict(
        strict=True, extra="forbid", frozen=True, json_schema_extra=_said_or_left_out
    )

    mode: Mode | None = None
    strategy: Strategy | None = None
    capability: Name | None = None
    performer: Literal["original_actor", "groups", "not_original_actor"] | None = None
    candidate_groups: Names | None = None
    candidate_users: Names | None = None
    window: Window | None = None
    deadline: Annotated[Duration, AfterValidator(_some)] | None = None
    fallback: Literal["human", "fault"] | None = None
    on_failure: Literal["hold", "continue"] | None = None
    self_undo: bool | None = None
    approval: Approval | None = None

    def to_json(self) -> dict[str, object]:
        """Return what was said, and only that, as JSON values; lengths as ISO 8601 text."""
        return self.model_dump(mode="json", exclude_none=True)

    @classmethod
    def from_json(cls, stored: Mapping[str, object]) -> CompensationPolicy:
        """Rebuild a policy from `to_json`; raises `PolicyError` if the stored form was damaged."""
        return _read(stored, "")

    @classmethod
    def merge(cls, *by_precedence: CompensationPolicy | None) -> Self:
        """Combine policies, strongest first: for each field the first one that says it wins."""
        chosen: dict[str, Any] = {}
        for policy in reversed(by_precedence):
            chosen |= {name: said for name, said in policy or () if said is not None}
        return cls.model_construct(**chosen)

    def effective(self) -> Self:
        """Return the policy with defaults in place of silence; no window means no time limit."""
        defaults = {
            "mode": self.mode or ("automated" if self.capability else "human"),
            "strategy": self.strategy or "restore",
            "performer": self.performer or "original_actor",
            "candidate_groups": self.candidate_groups or (),
            "candidate_users": self.candidate_users or (),
            "fallback": self.fallback or "fault",
            "on_failure": self.on_failure or "hold",
            "self_undo": bool(self.self_undo),
            "approval": self.approval or "none",
        }
        return self.model_copy(update=defaults)

    def closes_at(self, finished: datetime | None) -> datetime | None:
        """Return the last moment at which work that was finished then can be undone, if one is set.
        Until what it belongs to is closed, where none is."""
        return closes_at(self.window, finished)

    @property
    def asks_others(self) -> bool:
        """Whether others have to agree to the undo."""
        return self.approval not in {None, "none"}

    @property
    def people_named(self) -> dict[str, str]:
        """Return the usernames it names, by their places in it."""
        steps = self.approval if isinstance(self.approval, tuple) else ()
        return {
            **{f"candidate_users/{n}": name for n, name in enumerate(self.candidate_users or ())},
            **{
                f"approval/{at}/users/{n}": name
                for at, step in enumerate(steps)
                for n, name in enumerate(step.users)
            },
        }

    @property
    def approval_in_words(self) -> str:
        """Return how many have to agree. Names of people stay in the policy."""
        if isinstance(self.approval, tuple):
            return f"{len(self.approval)} named"
        return self.approval or "none"

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over the RFC 8785 form: equal policies, equal digests."""
        return digest(self.to_json())


def parse_policy(value: object, *, pointer: str = "") -> CompensationPolicy:
    """Read a policy as its author wrote it; `pointer` is where it stands in the whole document.

    Raises `PolicyError` with the first of the problems found.
    """
    if not isinstance(value, Mapping):
        raise PolicyError([FieldError(pointer, _RULES["model_type"])])
    # To say null is not to say nothing: no field accepts this.
    said = {key: ... if item is None else item for key, item in value.items()}
    policy = _read(said, pointer)
    problems = [FieldError(f"{pointer}/{key}", rule) for key, rule in _contradictions(policy)]
    if problems:
        raise PolicyError(problems)
    return policy


def parse_reversibility(value: object, *, pointer: str = "") -> str:
    """Read a declared reversibility; raises `PolicyError` naming the permitted words."""
    if isinstance(value, str) and value in REVERSIBILITIES:
        return value
    raise PolicyError([FieldError(pointer, f"must be one of {', '.join(REVERSIBILITIES)}")])


def _read(value: Mapping[str, object], pointer: str) -> CompensationPolicy:
    try:
        return CompensationPolicy.model_validate(value)
    except ValidationError as broken:
        order = {str(key): place for place, key in enumerate(value)}
        found = sorted(broken.errors(), key=lambda error: order.get(_key(error), 0))[:MAX_GATHERED]
        raise PolicyError([_field_error(error, pointer) for error in found]) from broken


def _contradictions(policy: CompensationPolicy) -> Iterable[tuple[str, str]]:
    """Find fields that cannot both be meant by one author; merged ones may well meet."""
    if policy.mode == "human" and policy.capability is not None:
        yield "capability", "a capability belongs to mode: automated, not to mode: human"
    if policy.performer == "not_original_actor" and policy.self_undo:
        yield "self_undo", "self_undo: true contradicts performer: not_original_actor"


_ONE_OF: Final = {"candidate_users": "user", "users": "user", "approval": "step"}
# Kinds of errors that are public by their own name.
_CODES = frozenset({"unsupported", "blank", "control_character"})


def _field_error(error: ErrorDetails, pointer: str) -> FieldError:
    """Say in the words of this module what pydantic found."""
    kind, key, said = error["type"], _key(error), error.get("ctx", {})
    # Which kind of approval it is read as is no step of the document.
    place = [each for n, each in enumerate(error["loc"]) if n != 1 or key != "approval"]
    where = pointer + "".join(f"/{escape(step)}" for step in place)
    within = [str(each) for each in place if isinstance(each, str)]
    if kind == "extra_forbidden" and key in _UNSUPPORTED:
        return FieldError(where, f"{key} is not supported yet", "unsupported")
    if kind in ("extra_forbidden", "invalid_key"):
        of = ApprovalStep if key == "approval" else CompensationPolicy
        name = within[-1] if key == "approval" else key
        known = ", ".join(sorted(of.model_fields))
        return FieldError(where, f"unknown field {name!r}; known are {known}", "unknown")
    if kind == "literal_error":
        words = said["expected"].replace("'", "").replace(" or ", ", ")
        or_list = ", or a list of steps" if key == "approval" else ""
        return FieldError(where, f"must be one of {words}{or_list}")
    code = kind if kind in _CODES else "invalid"
    rule = str(said["error"]) if kind == "value_error" else _RULES.get(kind, error["msg"])
    one = _ONE_OF.get(within[-1] if within else "", "group")
    rule = rule.replace("{one}", one).replace("{most}", str(said.get("max_length")))
    return FieldError(where, rule, code)


def _key(error: ErrorDetails) -> str:
    """Return the field an error is in, or nothing for a key that is no text."""
    return str(*error["loc"][:1])
