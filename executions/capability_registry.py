"""Capabilities: the named automated actions that may be run, and undone, under governance.

A capability is a handler with a contract: schemas of its input and output, whether and by what it
can be undone, how often it is tried again. Apps declare theirs in a module `capabilities`, which is
loaded at start.

A handler runs outside any transaction and holds no lock. It must make its effect once per
`Invocation.idempotency_key`: called again after a crash, with the same key, it answers the same.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from compensation.policy import REVERSIBILITIES, UNSPECIFIED, CompensationPolicy, parse_policy
from json_values.json_schema import check_schema

MODES = ("commit", "simulate", "validate")
ANY_OBJECT: Mapping[str, Any] = {"type": "object"}


class Permanent(Exception):
    """The fault will not go away by trying again. The detail is for a person to read."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclasses.dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a capability is tried, and how long it waits in between (seconds, doubling)."""

    max_attempts: int = 5
    base_seconds: float = 1
    cap_seconds: float = 30

    def wait_after(self, attempt: int) -> float:
        """Return the seconds to wait after the `attempt`th try (1-based) failed."""
        return float(min(self.base_seconds * 2 ** (attempt - 1), self.cap_seconds))


@dataclasses.dataclass(frozen=True, slots=True)
class Invocation:
    """What a handler is told.

    `idempotency_key` is the same for every attempt; `attempt` counts from 1; `mode` is commit or
    simulate (make no effect); `undoes` names the original of a compensating call.
    """

    input: dict[str, Any]
    idempotency_key: str
    attempt: int
    tenant_id: uuid.UUID
    execution_id: uuid.UUID
    mode: str
    undoes: tuple[str, uuid.UUID] | None = None


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """What a handler did. `before` and `after` are images of the state it changed, if any."""

    output: dict[str, Any]
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None


Handler = Callable[[Invocation], Result]


@dataclasses.dataclass(frozen=True, slots=True)
class Capability:
    """A registered capability.

    `undone_by` names the capability that takes its effect back, given the original's input.
    `simulates` says that the handler honours `mode: simulate`. `lease_seconds` is how long a
    worker that fell silent is waited for; a handler may run longer, its lease is extended, but not
    beyond `max_seconds`: then it counts as hanging and another worker makes the next attempt.
    """

    name: str
    handler: Handler
    input_schema: Mapping[str, Any]
    output_schema: Mapping[str, Any]
    reversibility: str = UNSPECIFIED
    undone_by: str | None = None
    compensation: CompensationPolicy | None = None
    retry: RetryPolicy = RetryPolicy()
    lease_seconds: int = 10
    max_seconds: int = 300
    simulates: bool = False
    description: str = ""

    @property
    def policy(self) -> CompensationPolicy | None:
        """What the capability itself says about its undo, or None when it says nothing."""
        if self.undone_by is None:
            return self.compensation
        automated = CompensationPolicy(mode="automated", capability=self.undone_by)
        return CompensationPolicy.merge(self.compensation, automated)


_capabilities: dict[str, Capability] = {}


def capability(
    name: str,
    *,
    input_schema: Mapping[str, Any] = ANY_OBJECT,
    output_schema: Mapping[str, Any] = ANY_OBJECT,
    reversibility: str = UNSPECIFIED,
    undone_by: str | None = None,
    compensation: Mapping[str, Any] | None = None,
    retry: RetryPolicy = RetryPolicy(),
    lease_seconds: int = 10,
    max_seconds: int = 300,
    simulates: bool = False,
    description: str = "",
) -> Callable[[Handler], Handler]:
    """Register the decorated handler under `name`.

    Raises ValueError for a name that is taken, a schema that is none, an unknown reversibility, or
    a policy that breaks a rule.
    """
    for schema in (input_schema, output_schema):
        check_schema(schema)
    if reversibility not in {*REVERSIBILITIES, UNSPECIFIED}:
        raise ValueError(f"{name}: unknown reversibility {reversibility!r}")
    if min(retry.max_attempts, lease_seconds, max_seconds) < 1:
        raise ValueError(f"{name}: attempts, lease and longest run must be at least 1")
    policy = None if compensation is None else parse_policy(compensation)

    def register(handler: Handler) -> Handler:
        if name in _capabilities:
            raise ValueError(f"a capability named {name!r} is already registered")
        _capabilities[name] = Capability(
            name=name,
            handler=handler,
            input_schema=input_schema,
            output_schema=output_schema,
            reversibility=reversibility,
            undone_by=undone_by,
            compensation=policy,
            retry=retry,
            lease_seconds=lease_seconds,
            max_seconds=max_seconds,
            simulates=simulates,
            description=description or (handler.__doc__ or "").strip(),
        )
        return handler

    return register


def get(name: str) -> Capability | None:
    """Return the capability registered under `name`, if any."""
    return _capabilities.get(name)


def names() -> frozenset[str]:
    """Return the names of every registered capability."""
    return frozenset(_capabilities)


def all_capabilities() -> list[Capability]:
    """Return every registered capability, by name."""
    return [_capabilities[name] for name in sorted(_capabilities)]
