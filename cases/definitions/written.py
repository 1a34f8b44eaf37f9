"""A definition as its author writes it, and which words may stand where.

A new field is a line in a model here or in `model.py`; a word that is not supported yet, or that
is ignored, is a word in `PLACES`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import AliasChoices, BeforeValidator, Field, PlainValidator

from cases.definitions import foreign_words
from cases.definitions.elsewhere import Elsewhere
from cases.definitions.model import (
    KINDS,
    Binding,
    Capability,
    CompiledDefinition,
    Goal,
    Kind,
    Milestone,
    OutcomePolicy,
    Rule,
    Sla,
    Strategy,
)
from cases.definitions.readers import LISTED, Jq, Name, Numbering, Part, Refused, Text, Title, Words
from cases.definitions.targets import (
    DOES_NO_WORK,
    Caller,
    CapabilityCall,
    HumanTask,
    Judgment,
    People,
    SignalSent,
    SubCase,
    Target,
    Throw,
)
from cases.definitions.task_answers import Outcome
from cases.definitions.triggers import EventTrigger, ScheduleTrigger, SignalTrigger
from compensation.policy import UNSPECIFIED, CompensationPolicy, parse_policy, parse_reversibility

# Of a pre-release: a number without leading zeros, or what is none (§9).
_IDENTIFIER: Final = r"(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
#: The grammar of semver.org 2.0.0, §9-§10 included; the last numbers may be left out.
SEMVER: Final = (
    r"^(0|[1-9][0-9]{0,8})(\.(0|[1-9][0-9]{0,8})){0,2}"
    rf"(-{_IDENTIFIER}(\.{_IDENTIFIER})*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$"
)

BINDINGS: Final = "/spec/bindings/*"
_NOTHING_DONE: Final = parse_reversibility("not_needed")


def _compensation(value: object) -> Literal[True] | CompensationPolicy:
    if value is True:
        return True
    if not isinstance(value, Mapping):
        raise Refused("compensation must be true or a map of policy fields")
    return parse_policy(value)


class ContextChange(Part):
    """A trigger: the context of the case changed."""

    filter: Jq | None = None


def _filter_alone(value: object) -> object:
    # Its filter alone may stand for it.
    return {"filter": value} if isinstance(value, str) else value


class Trigger(Part):
    """What `on` says; `relations.py` asks for one trigger."""

    context_change: Annotated[ContextChange | None, BeforeValidator(_filter_alone)] = None
    signal: SignalTrigger | None = None
    cloud_event: EventTrigger | None = Field(
        default=None, validation_alias=AliasChoices("cloudEvent", "event")
    )
    schedule: ScheduleTrigger | None = None


class Step(Part):
    """A binding as written."""

    name: Name
    on: Trigger | None = None
    when: Jq | None = None
    capability: Name | None = None
    human_task: HumanTask | None = None
    judgment: Judgment | None = None
    sub_case: SubCase | None = None
    signal: SignalSent | None = None
    throw: Throw | None = None
    input_mapping: Jq | None = Field(
        default=None, validation_alias=AliasChoices("inputMapping", "inputProjectionOverride")
    )
    output_mapping: Jq | None = None
    compensate: Text | None = Field(
        default=None, validation_alias=AliasChoices("compensate", "compensatedBy")
    )
    compensation_order: float | None = None
    conflict_resolver_strategy: Strategy | None = None
    outcome_policy: OutcomePolicy | None = None
    context_write: dict[str, Any] | None = None
    remote: Elsewhere | None = None
    compensation: Annotated[
        Literal[True] | CompensationPolicy | None, PlainValidator(_compensation)
    ] = None
    reversibility: Annotated[str, BeforeValidator(parse_reversibility)] = UNSPECIFIED

    def compiled(self, declared: Mapping[str, Capability]) -> Binding:
        """Return the binding; `declared` has the projections that stand in for its mappings."""
        on = self.on or Trigger(context_change=ContextChange())
        change, target = on.context_change, self._target(declared)
        return Binding(
            name=self.name,
            target=target,
            filter=change.filter if change else None,
            when=self.when,
            compensate=self.compensate,
            compensation_only=self.compensation is True,
            policy=None if self.compensation is True else self.compensation,
            reversibility=_NOTHING_DONE if isinstance(target, DOES_NO_WORK) else self.reversibility,
            compensation_order=self.compensation_order,
            conflict_strategy=self.conflict_resolver_strategy,
            outcome_policy=self.outcome_policy,
            context_write=self.context_write,
            remote=self.remote,
            on_signal=on.signal.name if on.signal else None,
            on_event=on.cloud_event,
            on_schedule=on.schedule,
            deaf=change is None,
        )

    def _target(self, declared: Mapping[str, Capability]) -> Target:
        if self.human_task is not None:
            return self.human_task.called(self.name)
        if self.judgment is not None:
            return self.judgment.target(self.name)
        if self.sub_case is not None:
            return self.sub_case
        without_work = self.signal or self.throw
        if without_work is not None:
            return without_work
        called = self.capability or ""
        return self._call(declared.get(called) or Capability(name=called))

    def _call(self, capability: Capability) -> CapabilityCall:
        return CapabilityCall(
            capability=capability.name,
            input_mapping=self.input_mapping or capability.input_projection,
            output_mapping=self.output_mapping or capability.output_projection,
            performer=capability.performer,
        )


class Authorization(Part):
    """Groups whose members may open cases of it. Both words mean that here."""

    write: Words = ()
    admin: Words = ()


class Spec(Part):
    """The body of a definition."""

    authorization: Authorization = Authorization()
    case_number: Numbering | None = None
    input_schema: dict[str, Any] | None = None

    capabilities: Annotated[tuple[Capability, ...], LISTED] = ()
    bindings: Annotated[tuple[Step, ...], LISTED] = ()
    goals: Annotated[tuple[Goal, ...], LISTED] = ()
    completion: dict[Kind, Rule] | None = Field(default=None, min_length=1)
    milestones: Annotated[tuple[Milestone, ...], LISTED] = ()
    on_fault: Literal["compensate"] | None = Field(
        default=None, validation_alias=AliasChoices("on_fault", "onFault")
    )


class Document(Part):
    """A whole definition as written."""

    dsl: Annotated[Literal["0.1", "0.1.0", "1.0.0"], BeforeValidator(str)] = "0.1"
    namespace: Name
    name: Name
    version: Annotated[str, Field(max_length=100, pattern=SEMVER)]
    title: Title | None = None
    summary: Text | None = None
    expression_lang: Literal["jq", "JQ"] = "jq"
    spec: Spec

    def compiled(self) -> CompiledDefinition:
        """Return what is stored and run; the parts must have been checked against each other."""
        spec = self.spec
        declared = {capability.name: capability for capability in spec.capabilities}
        completion = _completion_from(spec.goals) if spec.completion is None else spec.completion
        return CompiledDefinition(
            namespace=self.namespace,
            name=self.name,
            version=self.version,
            title=self.title or self.name,
            summary=self.summary or "",
            capabilities=spec.capabilities,
            bindings=tuple(step.compiled(declared) for step in spec.bindings),
            goals=spec.goals,
            milestones=spec.milestones,
            completion=tuple(completion.items()),
            input_schema=spec.input_schema,
            may_open=tuple(dict.fromkeys((*spec.authorization.write, *spec.authorization.admin))),
            case_number=spec.case_number,
            on_fault=spec.on_fault,
        )


def _completion_from(goals: tuple[Goal, ...]) -> dict[Kind, Rule]:
    """Any failure goal ends the case as failed, all success goals together as succeeded."""
    named = {kind: tuple(goal.name for goal in goals if goal.kind == kind) for kind in KINDS}
    rules: dict[Kind, Rule] = {
        "failure": Rule(operator="any", members=named["failure"]),
        "success": Rule(operator="all", members=named["success"]),
    }
    return {kind: rule for kind, rule in rules.items() if rule.members}


class Place(NamedTuple):
    """Words that may stand in one map: `known` ones, those that are `ignored` with a warning that
    says what is different, and those of a `later` version of Amends, which are refused by name.

    Where it is `open`, a word that nobody knows is ignored with a warning as well, unless it may be
    a slip of one that is known.
    """

    known: Collection[str]
    ignored: Mapping[str, str] = {}
    later: Collection[str] = ()
    open: bool = False


def _place(
    model: type[Part],
    *,
    ignored: Mapping[str, str] | None = None,
    later: str = "",
    open_: bool = False,
) -> Place:
    aliases = [field.validation_alias for field in model.model_fields.values()]
    known = [a.choices if isinstance(a, AliasChoices) else [str(a)] for a in aliases]
    words = [str(word) for words in known for word in words]
    return Place(words, ignored or {}, later.split(), open_)


_OF_TASKS: Final = foreign_words.IGNORED_IN_TASKS
_OF_JUDGMENTS: Final = foreign_words.IGNORED_IN_JUDGMENTS
#: By the JSON pointer of the map, in which `*` is any item of a list.
PLACES: Final = {
    "": _place(Document, ignored=foreign_words.IGNORED, later="bindings", open_=True),
    "/spec": _place(Spec, ignored=foreign_words.IGNORED, later="stages", open_=True),
    "/spec/authorization": _place(Authorization, ignored=foreign_words.IGNORED_IN_AUTHORIZATION),
    "/spec/capabilities/*": _place(Capability, open_=True),
    "/spec/goals/*": _place(Goal, ignored=foreign_words.IGNORED_IN_GOALS, open_=True),
    "/spec/milestones/*": _place(Milestone, ignored=foreign_words.IGNORED_IN_GOALS, open_=True),
    "/spec/milestones/*/sla": _place(Sla, open_=True),
    "/spec/completion": Place(KINDS),
    BINDINGS: _place(
        Step,
        ignored=foreign_words.IGNORED_IN_BINDINGS,
        later="worker",
    ),
    f"{BINDINGS}/on": _place(Trigger),
    f"{BINDINGS}/on/signal": _place(SignalTrigger, open_=True),
    f"{BINDINGS}/on/cloudEvent": _place(EventTrigger, open_=True),
    f"{BINDINGS}/on/event": _place(EventTrigger, open_=True),
    f"{BINDINGS}/on/schedule": _place(ScheduleTrigger, open_=True),
    f"{BINDINGS}/signal": _place(SignalSent, open_=True),
    f"{BINDINGS}/throw": _place(Throw),
    f"{BINDINGS}/on/contextChange": _place(
        ContextChange, ignored=foreign_words.IGNORED_IN_TRIGGERS
    ),
    f"{BINDINGS}/outcomePolicy": _place(OutcomePolicy, open_=True),
    f"{BINDINGS}/subCase": _place(SubCase, open_=True),
    f"{BINDINGS}/humanTask/outcomes/*": _place(Outcome),
    f"{BINDINGS}/humanTask": _place(HumanTask, ignored=_OF_TASKS),
    f"{BINDINGS}/judgment/outcomes/*": _place(Outcome),
    f"{BINDINGS}/judgment": _place(Judgment, ignored=_OF_JUDGMENTS),
    f"{BINDINGS}/judgment/human": _place(People, ignored=_OF_TASKS),
    f"{BINDINGS}/judgment/callerConfig": _place(Caller, open_=True),
}
