"""What a case definition compiles to: frozen data without behaviour, stored as JSON.

Another front end may compile to the same model. `to_json` and `from_json` are inverse; warnings
belong to the moment of compiling and are not stored. Parts that an author writes as they are kept
go by camelCase names there, and are read with a `Reading` as context (`written.py`).
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Collection, Mapping
from typing import Annotated, Any, Final, Literal, NamedTuple, Self, get_args

from pydantic import (
    AliasChoices,
    BeforeValidator,
    Discriminator,
    Field,
    SerializerFunctionWrapHandler,
    Tag,
    ValidationInfo,
    model_serializer,
    model_validator,
)

from cases.definitions.elsewhere import Elsewhere
from cases.definitions.readers import (
    LISTED,
    MAX_TEXT,
    Jq,
    Name,
    Numbering,
    Part,
    Refused,
    Text,
    Words,
    known_goal,
    known_kind,
    unheard,
    unsaid,
)
from cases.definitions.targets import Target
from cases.definitions.triggers import EventTrigger, Heard, ScheduleTrigger
from compensation.policy import UNSPECIFIED, CompensationPolicy, Duration
from json_values.pointers import escape

Kind = Literal["success", "failure"]
#: What becomes of a step that was declined, failed or ran out.
Otherwise = Literal["FAULT", "REROUTE"]
#: Whose value stays where a result and the context both have a key.
Strategy = Literal["LAST_WRITER_WINS", "FIRST_WRITER_WINS", "FAIL", "DEEP_MERGE"]
#: Goals and completion rules end a case one way or the other.
KINDS: Final[tuple[str, ...]] = get_args(Kind)
OPERATORS: Final = {"allOf": "all", "anyOf": "any"}
#: How a stored binding calls its target, by the class of the target.
_TARGETS: Final = {
    "HumanTask": "human_task",
    "CapabilityCall": "capability_call",
    "SubCase": "sub_case",
    "SignalSent": "signal_sent",
    "Throw": "throw",
}


class DefinitionError(NamedTuple):
    """One broken rule: line of the source (from 1; `None` for JSON), JSON pointer, sentence."""

    line: int | None
    pointer: str
    message: str
    column: int | None = None


class DefinitionWarning(NamedTuple):
    """Something that works but may surprise; `code` says what kind of thing, and never changes."""

    line: int | None
    pointer: str
    message: str
    code: str
    column: int | None = None


class Named(NamedTuple):
    """Whom a definition names, by username or as a group, or which template, and where it does."""

    line: int | None
    column: int | None
    pointer: str
    kind: Literal["user", "group", "template"]
    name: str


class DefinitionInvalid(ValueError):  # says what is wrong, like a refusal
    """A definition broke at least one rule; `errors` holds all of them, by line."""

    def __init__(self, errors: Collection[DefinitionError]) -> None:
        self.errors = sorted(errors, key=lambda e: (e.line or 0, e.pointer, e.message))
        places = [e.pointer or "/" if e.line is None else f"line {e.line}" for e in self.errors]
        said = zip(places, self.errors, strict=True)
        super().__init__("; ".join(f"{place}: {error.message}" for place, error in said))


class Capability(Part):
    """A named automated action as the definition declares it."""

    name: Name
    description: str = Field(default="", max_length=MAX_TEXT)
    input_projection: Jq | None = Field(
        default=None, validation_alias=AliasChoices("inputProjection", "inputSchema")
    )
    output_projection: Jq | None = Field(
        default=None, validation_alias=AliasChoices("outputProjection", "outputSchema")
    )
    performer: Text | None = Field(default=None, exclude_if=unsaid)


class OutcomePolicy(Part):
    """What becomes of a step whose work did not succeed."""

    on_decline: Otherwise | None = None
    on_failure: Otherwise | None = None
    on_expired: Otherwise | None = None
    max_reroute_attempts: Annotated[int, Field(ge=0, le=100)] | None = None

    @property
    def reroutes(self) -> bool:
        """Whether another one is asked, where the first did not succeed."""
        return "REROUTE" in {self.on_decline, self.on_failure, self.on_expired}


class Binding(Part):
    """A rule: when the context changes so that `filter` and `when` hold, start the target.

    A `compensation_only` binding never fires by itself; it is the undo of those that name it in
    `compensate`. `remote`: what its work stands for in another tenant. `context_write`: what it
    states before its target starts. `on_signal`, `on_event` and `on_schedule`: what else starts it,
    if `when` holds then; of a binding that is `deaf` no change of the context does.
    """

    name: Name
    target: Target
    filter: Jq | None = None
    when: Jq | None = None
    compensate: Text | None = None
    compensation_only: bool = False
    policy: CompensationPolicy | None = None
    reversibility: str = UNSPECIFIED
    compensation_order: float | None = Field(default=None, exclude_if=unheard)
    conflict_strategy: Strategy | None = Field(default=None, exclude_if=unsaid)
    outcome_policy: OutcomePolicy | None = Field(default=None, exclude_if=unsaid)
    context_write: dict[str, Any] | None = Field(default=None, exclude_if=unsaid)
    remote: Elsewhere | None = Field(default=None, exclude_if=unsaid)
    on_signal: Text | None = Field(default=None, exclude_if=unsaid)
    on_event: EventTrigger | None = Field(default=None, exclude_if=unsaid)
    on_schedule: ScheduleTrigger | None = Field(default=None, exclude_if=unsaid)
    deaf: bool = Field(default=False, exclude_if=unsaid)

    @property
    def hears(self) -> frozenset[Heard]:
        """By which names it sees what starts it beside a change of the context."""
        said: dict[Heard, object] = {
            "signal": self.on_signal, "event": self.on_event, "schedule": self.on_schedule
        }  # fmt: skip
        return frozenset(name for name, trigger in said.items() if trigger is not None)

    @model_validator(mode="before")
    @classmethod
    def _from_stored(cls, value: dict[str, Any]) -> dict[str, Any]:
        known = dict.fromkeys(_TARGETS.values(), "target")
        return {known.get(key, key): said for key, said in value.items()}

    @model_serializer(mode="wrap")
    def _to_stored(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        said: dict[str, Any] = plain(self)
        said["policy"] = self.policy and self.policy.to_json()
        said[_TARGETS[type(self.target).__name__]] = said.pop("target")
        return said


class Goal(Part):
    """A condition on the context that counts towards success or failure."""

    name: Name
    kind: Annotated[Kind, BeforeValidator(known_kind)] = "success"
    condition: Jq = Field(validation_alias=AliasChoices("condition", "when"))


#: Since when the time of a milestone counts: the first one unless it is said.
STARTS: Final = ("CASE_CREATED", "MILESTONE_ACTIVATED")
#: What follows where a milestone is late: the case fails, or operators are told and nothing else.
FAULTING: Final = ("FAULT", "FAIL")
TELLING: Final = (None, "NOTIFY")


class Sla(Part):
    """How long a milestone may take, and what is to follow where it takes longer."""

    duration: Duration | None = None
    breach_policy: Any = Field(default=None, exclude_if=unsaid)
    start_from: Text | None = Field(
        default=None, exclude_if=unsaid, validation_alias=AliasChoices("startFrom")
    )


class Milestone(Part):
    """Something that a case has reached once a condition on its context holds; it changes nothing.

    `entry`: from when on it is looked for.
    """

    name: Name
    condition: Jq = Field(validation_alias=AliasChoices("condition", "when", "completionCriteria"))
    entry: Jq | None = Field(
        default=None, exclude_if=unsaid, validation_alias=AliasChoices("entryCriteria")
    )
    sla: Sla | None = Field(default=None, exclude_if=unsaid)
    sla_duration: Duration | None = Field(default=None, exclude_if=unsaid)
    sla_start_from: Text | None = Field(default=None, exclude_if=unsaid)

    @property
    def allowed(self) -> dt.timedelta | None:
        """How long it may take, if that is said."""
        own = None if self.sla is None else self.sla.duration
        return own or self.sla_duration

    @property
    def starts_from(self) -> str:
        """Since when that counts."""
        own = None if self.sla is None else self.sla.start_from
        return own or self.sla_start_from or STARTS[0]

    @property
    def counts_from_activation(self) -> bool:
        """Whether it counts since it is looked for, instead of since its case was opened."""
        return self.starts_from == STARTS[1]

    @property
    def breach_policy(self) -> Any:
        """What is to follow where it takes longer, None where that is not said."""
        return None if self.sla is None else self.sla.breach_policy

    @property
    def faults_when_late(self) -> bool:
        """Whether its case fails where it takes longer."""
        return self.breach_policy in FAULTING


class Rule(Part):
    """All or any of its members, which are names of goals or further rules."""

    operator: Literal["all", "any"]
    members: Annotated[
        tuple[
            Annotated[
                Annotated[str, BeforeValidator(known_goal), Tag("goal")]
                | Annotated[Rule, Tag("rule")],
                Discriminator(lambda said: "rule" if isinstance(said, dict | Rule) else "goal"),
            ],
            ...,
        ],
        LISTED,
    ] = Field(validation_alias=AliasChoices(*OPERATORS))

    @model_validator(mode="before")
    @classmethod
    def _as_written(cls, value: Any, info: ValidationInfo) -> Any:
        if info.context is None or not isinstance(value, dict):
            return value
        strange = value.keys() - OPERATORS
        if strange:
            said = f"unknown field {{!r}}; known are {', '.join(OPERATORS)}"
            raise Refused({f"/{escape(key)}": said.format(key) for key in strange})
        if len(value) != 1:
            raise Refused("exactly one of allOf and anyOf is required")
        ((word, members),) = value.items()
        if not members:
            raise Refused(f"{word} must name at least one goal")
        return {"operator": OPERATORS[word], word: members}


class CompiledDefinition(Part):
    """A checked definition; `completion` keeps the order in which its author wrote the rules.

    `may_open`: the groups whose members open its cases; none: operators and members do.
    `case_number`: how they are numbered; without it they count with all others of the tenant.
    `input_schema` is the JSON Schema of what a case is opened with, in its author's order.
    `on_fault`: what becomes of a case that fails, beside waiting for somebody.
    """

    #: Of the stored form; raised when a field changes its meaning.
    model: Literal[1] = 1
    namespace: Name
    name: Name
    version: Text
    title: Text
    summary: str = ""
    capabilities: Annotated[tuple[Capability, ...], LISTED]
    bindings: Annotated[tuple[Binding, ...], LISTED]
    goals: Annotated[tuple[Goal, ...], LISTED]
    completion: Annotated[tuple[Annotated[tuple[Kind, Rule], LISTED], ...], LISTED]
    milestones: Annotated[tuple[Milestone, ...], LISTED] = Field(default=(), exclude_if=unsaid)
    may_open: Words = Field(default=(), exclude_if=unsaid)
    case_number: Numbering | None = Field(default=None, exclude_if=unsaid)
    input_schema: dict[str, Any] | None = Field(default=None, exclude_if=unsaid)
    on_fault: Literal["compensate"] | None = Field(default=None, exclude_if=unsaid)
    warnings: tuple[DefinitionWarning, ...] = Field(default=(), exclude=True)
    named: tuple[Named, ...] = Field(default=(), exclude=True)

    @property
    def key(self) -> str:
        """Return `namespace/name`, by which a case asks for the definition."""
        return f"{self.namespace}/{self.name}"

    @property
    def input_fields(self) -> tuple[str, ...]:
        """What a case is opened with, member by member, where the schema names them."""
        return tuple((self.input_schema or {}).get("properties", ()))

    @property
    def forward_bindings(self) -> tuple[Binding, ...]:
        """Return the bindings that may fire, in document order."""
        return tuple(binding for binding in self.bindings if not binding.compensation_only)

    @functools.cached_property
    def listening(self) -> tuple[Binding, ...]:
        """Return those of them that something else than a change of the context starts."""
        return tuple(binding for binding in self.forward_bindings if binding.hears)

    @functools.cached_property
    def _by_name(self) -> dict[str, Binding]:
        return {binding.name: binding for binding in self.bindings}

    def binding(self, name: str) -> Binding:
        """Return one binding; raises `KeyError`."""
        return self._by_name[name]

    def milestone(self, name: str) -> Milestone:
        """Return one milestone; raises `StopIteration`."""
        return next(each for each in self.milestones if each.name == name)

    def to_json(self) -> dict[str, Any]:
        """Return the definition as JSON values, without warnings."""
        return self.model_dump(mode="json")

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Rebuild a definition from `to_json`; raises `ValueError` for another model version."""
        return cls.model_validate(stored, by_alias=False, by_name=True)
