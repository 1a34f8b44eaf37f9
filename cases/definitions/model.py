"""What a case definition compiles to: frozen data without behaviour, stored as JSON.

Another front end may compile to the same model. `to_json` and `from_json` are inverse; warnings
belong to the moment of compiling and are not stored.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final, NamedTuple, Self

from compensation.policy import UNSPECIFIED, CompensationPolicy
from ledger.durations import format_duration, parse_duration

#: Of the stored form; raised when a field changes its meaning.
MODEL_VERSION: Final = 1

PRIORITIES: Final = ("LOW", "MEDIUM", "HIGH", "URGENT")
#: Goals and completion rules end a case one way or the other.
KINDS: Final = ("success", "failure")


class DefinitionError(NamedTuple):
    """One broken rule: line of the source (from 1; `None` for JSON), JSON pointer, sentence."""

    line: int | None
    pointer: str
    message: str


class DefinitionWarning(NamedTuple):
    """Something that works but may surprise; same fields as an error."""

    line: int | None
    pointer: str
    message: str


class DefinitionInvalid(ValueError):  # says what is wrong, like a refusal
    """A definition broke at least one rule; `errors` holds all of them, by line."""

    def __init__(self, errors: list[DefinitionError]) -> None:
        self.errors = sorted(errors, key=lambda e: (e.line or 0, e.pointer, e.message))
        super().__init__("; ".join(_sentence(error) for error in self.errors))


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """A named automated action as the definition declares it."""

    name: str
    description: str = ""
    input_projection: str | None = None
    output_projection: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class HumanTask:
    """A target that becomes a work item. Empty `outcomes` permit any outcome of a forward task."""

    title: str
    types: tuple[str, ...] = ()
    candidate_groups: tuple[str, ...] = ()
    candidate_users: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    input_mapping: str | None = None
    output_mapping: str | None = None
    scope: str | None = None
    resolution_schema: Mapping[str, Any] | None = None
    priority: str = "MEDIUM"
    expires_in: timedelta | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the task as JSON values."""
        return {
            "title": self.title,
            "types": list(self.types),
            "candidate_groups": list(self.candidate_groups),
            "candidate_users": list(self.candidate_users),
            "outcomes": list(self.outcomes),
            "input_mapping": self.input_mapping,
            "output_mapping": self.output_mapping,
            "scope": self.scope,
            "resolution_schema": self.resolution_schema,
            "priority": self.priority,
            "expires_in": None if self.expires_in is None else format_duration(self.expires_in),
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Rebuild a task from `to_json`."""
        text = stored["expires_in"]
        lists = ("types", "candidate_groups", "candidate_users", "outcomes")
        fields: dict[str, Any] = dict(stored)
        fields |= {key: tuple(stored[key]) for key in lists}
        fields["expires_in"] = None if text is None else parse_duration(text)
        return cls(**fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class CapabilityCall:
    """A target that becomes an execution; the mappings are final (override before projection)."""

    capability: str
    input_mapping: str | None = None
    output_mapping: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """A rule: when the context changes so that `filter` and `when` hold, start the target.

    A `compensation_only` binding never fires by itself; it is the undo of those that name it in
    `compensate`.
    """

    name: str
    target: HumanTask | CapabilityCall
    filter: str | None = None
    when: str | None = None
    compensate: str | None = None
    compensation_only: bool = False
    policy: CompensationPolicy | None = None
    reversibility: str = UNSPECIFIED

    def to_json(self) -> dict[str, Any]:
        """Return the binding as JSON values; the target under the name of its kind."""
        if isinstance(self.target, HumanTask):
            target = {"human_task": self.target.to_json()}
        else:
            target = {"capability_call": _plain(self.target)}
        return {
            "name": self.name,
            "filter": self.filter,
            "when": self.when,
            "compensate": self.compensate,
            "compensation_only": self.compensation_only,
            "policy": None if self.policy is None else self.policy.to_json(),
            "reversibility": self.reversibility,
            **target,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Rebuild a binding from `to_json`."""
        rest = dict(stored)
        human, call = rest.pop("human_task", None), rest.pop("capability_call", None)
        target = CapabilityCall(**call) if human is None else HumanTask.from_json(human)
        policy = rest.pop("policy")
        return cls(
            **rest,
            target=target,
            policy=None if policy is None else CompensationPolicy.from_json(policy),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """A condition on the context that counts towards success or failure."""

    name: str
    kind: str
    condition: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """All or any of its members, which are names of goals or further rules."""

    operator: str
    members: tuple[str | Rule, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the rule as JSON values."""
        members = [m.to_json() if isinstance(m, Rule) else m for m in self.members]
        return {"operator": self.operator, "members": members}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Rule:
        """Rebuild a rule from `to_json`."""
        members = tuple(m if isinstance(m, str) else cls.from_json(m) for m in stored["members"])
        return cls(operator=stored["operator"], members=members)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledDefinition:
    """A checked definition; `completion` keeps the order in which its author wrote the rules."""

    namespace: str
    name: str
    version: str
    title: str
    summary: str
    capabilities: tuple[Capability, ...]
    bindings: tuple[Binding, ...]
    goals: tuple[Goal, ...]
    completion: tuple[tuple[str, Rule], ...]
    warnings: tuple[DefinitionWarning, ...] = field(default=(), compare=False)

    @property
    def key(self) -> str:
        """Return `namespace/name`, by which a case asks for the definition."""
        return f"{self.namespace}/{self.name}"

    @property
    def forward_bindings(self) -> tuple[Binding, ...]:
        """Return the bindings that may fire, in document order."""
        return tuple(binding for binding in self.bindings if not binding.compensation_only)

    def binding(self, name: str) -> Binding:
        """Return one binding; raises `KeyError`."""
        for binding in self.bindings:
            if binding.name == name:
                return binding
        raise KeyError(name)

    def to_json(self) -> dict[str, Any]:
        """Return the definition as JSON values, without warnings."""
        return {
            "model": MODEL_VERSION,
            "namespace": self.namespace,
            "name": self.name,
            "version": self.version,
            "title": self.title,
            "summary": self.summary,
            "capabilities": [_plain(capability) for capability in self.capabilities],
            "bindings": [binding.to_json() for binding in self.bindings],
            "goals": [_plain(goal) for goal in self.goals],
            "completion": [[kind, rule.to_json()] for kind, rule in self.completion],
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        """Rebuild a definition from `to_json`; raises `ValueError` for another model version."""
        if stored["model"] != MODEL_VERSION:
            raise ValueError(f"stored definition has model {stored['model']!r}")
        return cls(
            namespace=stored["namespace"],
            name=stored["name"],
            version=stored["version"],
            title=stored["title"],
            summary=stored["summary"],
            capabilities=tuple(Capability(**item) for item in stored["capabilities"]),
            bindings=tuple(Binding.from_json(item) for item in stored["bindings"]),
            goals=tuple(Goal(**item) for item in stored["goals"]),
            completion=tuple((kind, Rule.from_json(rule)) for kind, rule in stored["completion"]),
        )


def _plain(item: Capability | CapabilityCall | Goal) -> dict[str, Any]:
    """Return the fields of a flat dataclass of texts."""
    return {name: getattr(item, name) for name in item.__dataclass_fields__}


def _sentence(error: DefinitionError) -> str:
    place = f"line {error.line}" if error.line is not None else (error.pointer or "/")
    return f"{place}: {error.message}"
