"""What a binding starts: a task for people, a program, another case, or a signal to its own."""

from __future__ import annotations

import json
from collections.abc import Collection
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    AliasChoices,
    BeforeValidator,
    Field,
    ValidationInfo,
    model_validator,
)

from cases.definitions.readers import Jq, Name, Part, Text, Words, a_line, unheard, unsaid
from cases.definitions.task_answers import Outcomes, names_of
from cases.definitions.task_deadlines import read_deadlines
from compensation.policy import Duration

Priority = Literal["LOW", "MEDIUM", "HIGH", "URGENT"]
MAX_TITLE: Final = 255
#: How deep sub-cases may stand in one another.
MAX_RECURSION: Final = 20
#: What the execution of an agent that judges is called; nobody registers it, and so it is owed.
JUDGMENT: Final = "judgment"
#: Callers of a judgment that are no people.
AGENTS: Final = frozenset({"agent", "ai", "llm"})
# Of a task whose title is computed, or its template's: what is read until it has its step's name.
_UNTITLED: Final = "untitled"


class _ForPeople(Part):
    """What both words for a task of a person say alike.

    `title_expression` and the like are asked of the context, when the task is opened.
    """

    outcomes: Outcomes = ()
    input_mapping: Jq | None = None
    output_mapping: Jq | None = None
    scope: Text | None = None
    scope_expression: Jq | None = Field(default=None, exclude_if=unsaid)
    title_expression: Jq | None = Field(default=None, exclude_if=unsaid)
    priority: Annotated[
        Priority, BeforeValidator(lambda said: said.upper() if isinstance(said, str) else said)
    ] = "MEDIUM"
    expires_in: Duration | None = None
    expires_in_expression: Jq | None = Field(default=None, exclude_if=unsaid)
    expires_at_expression: Jq | None = Field(default=None, exclude_if=unsaid)


class HumanTask(_ForPeople):
    """A target that becomes a work item. Empty `outcomes` permit any outcome of a forward task.

    `not_completed_by`: bindings; whoever did one of them in the case may not do this one.
    `template_ref`: the template of work items that says what is not said here.
    """

    title: Annotated[str, Field(min_length=1, max_length=MAX_TITLE), AfterValidator(a_line)]
    types: Words = ()
    candidate_groups: Words = ()
    candidate_users: Words = ()
    candidate_groups_expression: Jq | None = Field(default=None, exclude_if=unsaid)
    candidate_users_expression: Jq | None = Field(default=None, exclude_if=unsaid)
    resolution_schema: dict[str, Any] | None = None
    form: dict[str, Any] | None = Field(default=None, exclude_if=unsaid)
    deadlines: Annotated[dict[str, Any] | None, BeforeValidator(read_deadlines)] = Field(
        default=None, exclude_if=unsaid
    )
    claim_deadline_hours: Annotated[float, Field(gt=0, le=8784)] | None = Field(
        default=None, exclude_if=unheard
    )
    excluded_users: Words = Field(default=(), exclude_if=unsaid)
    excluded_groups: Words = Field(default=(), exclude_if=unsaid)
    not_completed_by: Words = Field(default=(), exclude_if=unsaid)
    required_skills: Words = Field(default=(), exclude_if=unsaid)
    owner: Text | None = Field(default=None, exclude_if=unsaid)
    stakeholders: Words = Field(default=(), exclude_if=unsaid)
    template_ref: Text | None = Field(default=None, exclude_if=unsaid)

    @model_validator(mode="before")
    @classmethod
    def _computed_title(cls, value: Any, info: ValidationInfo) -> Any:
        if info.context is None or not isinstance(value, dict) or value.get("title"):
            return value
        otherwise = value.get("titleExpression") or value.get("templateRef")
        return {**value, "title": _UNTITLED} if otherwise else value

    def called(self, name: str) -> Self:
        """Return the task with a title, where it has none of its own before it is opened."""
        if self.title != _UNTITLED or not (self.title_expression or self.template_ref):
            return self
        return self.model_copy(update={"title": name})


class People(Part):
    """Whom a judgment asks."""

    candidate_groups: Words = ()
    candidate_users: Words = ()
    candidate_groups_expression: Jq | None = None
    candidate_users_expression: Jq | None = None
    claim_deadline_hours: Annotated[float, Field(gt=0, le=8784)] | None = None
    template_ref: Text | None = None


class Caller(Part):
    """What kind of caller a judgment has; of an agent, its username."""

    type: Text | None = None
    agent: Text | None = Field(
        default=None, validation_alias=AliasChoices("agent", "performer", "name")
    )


class Judgment(_ForPeople):
    """A human task in newer words: `prompt` stands for its title where it has none. One that an
    agent is called for is a program's: it waits until that has reported what it judged."""

    title: (
        Annotated[str, Field(min_length=1, max_length=MAX_TITLE), AfterValidator(a_line)] | None
    ) = None
    prompt: Text | None = None
    prompt_expression: Jq | None = None
    human: People = People()
    caller: Text | None = None
    caller_config: Caller | None = None

    def target(self, name: str) -> HumanTask | CapabilityCall:
        """Return what it becomes; `name` is what it is called where it does not say."""
        kinds = {self.caller, self.caller_config.type if self.caller_config else None}
        return self._call(name) if is_by_agent(kinds) else self.task(name)

    def _call(self, name: str) -> CapabilityCall:
        # A line of its own for what ends an expression, which may end in a remark.
        asked = self.prompt_expression or (None if self.prompt else self.title_expression)
        prompt = f"({asked}\n)" if asked else json.dumps(self.prompt or self.title or name)
        given = f"({self.input_mapping}\n)" if self.input_mapping else "."
        outcomes = json.dumps(list(names_of(self.outcomes)))
        return CapabilityCall(
            capability=JUDGMENT,
            input_mapping=f"{{prompt: {prompt}, outcomes: {outcomes}, input: {given}}}",
            output_mapping=self.output_mapping,
            performer=self.caller_config.agent if self.caller_config else None,
        )

    def task(self, name: str) -> HumanTask:
        """Return the task that it is; `name` is what it is called where it does not say."""
        prompt = " ".join((self.prompt or "").split())[:MAX_TITLE]
        said = {field: getattr(self, field) for field in _ForPeople.model_fields}
        # What is computed comes first, and what is written where that finds nothing.
        computed = self.title_expression or (None if self.title else self.prompt_expression)
        return HumanTask.model_construct(
            **{**said, "title_expression": computed},
            title=self.title or prompt or name,
            candidate_groups=self.human.candidate_groups,
            candidate_users=self.human.candidate_users,
            candidate_groups_expression=self.human.candidate_groups_expression,
            candidate_users_expression=self.human.candidate_users_expression,
            claim_deadline_hours=self.human.claim_deadline_hours,
            template_ref=self.human.template_ref,
        )


def is_by_agent(kinds: Collection[str | None]) -> bool:
    """Whether one of these kinds of callers is a program's."""
    return any(kind is not None and kind.strip().lower() in AGENTS for kind in kinds)


class CapabilityCall(Part):
    """A target that becomes an execution; the mappings are final (override before projection).

    `performer`: the agent, by username, that may report the result.
    """

    capability: Text
    input_mapping: Jq | None = None
    output_mapping: Jq | None = None
    performer: Text | None = Field(default=None, exclude_if=unsaid)


class SubCase(Part):
    """A target that becomes a case of its own. Without a version the highest is meant; without a
    namespace that of the definition.

    Those of one `group_id` count together: so many of so many have to end well.
    """

    namespace: Name | None = None
    name: Name
    version: Text | None = None
    wait_for_completion: bool = True
    input_mapping: Jq | None = None
    output_mapping: Jq | None = None
    max_recursion_depth: Annotated[int, Field(ge=0, le=MAX_RECURSION)] | None = None
    group_id: Text | None = None
    total_in_group: Annotated[int, Field(ge=1, le=1000)] | None = None
    required_count: Annotated[int, Field(ge=1, le=1000)] | None = None
    on_threshold_reached: Literal["KEEP", "CANCEL"] | None = None


class SignalSent(Part):
    """A target that does no work: it sends a signal to its own case. `input_mapping` gives what the
    signal says, nothing unless there is one."""

    signal: Name = Field(validation_alias=AliasChoices("name", "signal"))
    input_mapping: Jq | None = Field(
        default=None, validation_alias=AliasChoices("inputMapping", "data", "payload")
    )

    @property
    def output_mapping(self) -> None:
        """Nothing comes of it."""


class Throw(Part):
    """A target that has a part of its own case undone in the middle of its work: all of it, from a
    step on, or some steps and what was done after them. Then the case goes on, or ends."""

    scope: Literal["whole", "from_step", "steps"]
    step: Text | None = None
    steps: Words = ()
    then: Literal["resume", "end"] = "resume"

    @property
    def names(self) -> tuple[str, ...]:
        """The steps that it names."""
        return self.steps if self.step is None else (self.step,)

    @property
    def input_mapping(self) -> None:
        """It is given nothing."""

    @property
    def output_mapping(self) -> None:
        """Nothing comes of it."""


Target = HumanTask | CapabilityCall | SubCase | SignalSent | Throw
#: Those that do no work, so that there is nothing to undo.
DOES_NO_WORK: Final = (SignalSent, Throw)
