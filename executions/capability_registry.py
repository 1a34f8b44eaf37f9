"""Capabilities: the named automated actions that may be run, and undone, under governance.

A capability is a handler with a contract: schemas of its input and output, whether and by what it
can be undone, how often it is tried again. Apps declare theirs in a module `capabilities`, which is
loaded at start.

A handler runs outside any transaction and holds no lock. It must make its effect once per
`Invocation.idempotency_key`: called again after a crash, with the same key, it answers the same.

Only the handler's own word, `Failed`, says that there is no effect. However else a call ends (the
worker dies, the time is over, another exception) its effect is unknown: it is asked about
(`status`) and called again with the same key, and when attempts are used up a person settles it.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Collection, Mapping
from typing import Any

from accounts.roles import Role
from compensation.policy import REVERSIBILITIES, UNSPECIFIED, CompensationPolicy, parse_policy
from json_values.json_schema import check_schema

# Who may be allowed to request a capability beside operators.
AGENT = "agent"
ALLOWABLE = frozenset({*Role.values, AGENT})
MODES = ("commit", "simulate", "validate")
ANY_OBJECT: Mapping[str, Any] = {"type": "object"}


class Failed(Exception):
    """There is no effect under this idempotency key, by this call or an earlier one: the declared
    failure of a handler. The detail is for a person to read. Trying again may help.

    A handler that cannot know (the other side does not answer) lets its error through instead.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Permanent(Failed):
    """The same, and trying again will not help."""


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
# What became of an earlier call with the same key: its result, None where that cannot be told, or
# `Failed` is raised where there is no effect and there will be none by that call.
StatusHandler = Callable[[Invocation], Result | None]


@dataclasses.dataclass(frozen=True, slots=True)
class Capability:
    """A registered capability.

    `image_schema` says what the images `before` and `after` are like, as `output_schema` says it of
    the result; without one they are read as the result is.
    `undone_by` names the capability that takes its effect back, given the original's input.
    `status` is asked what became of a call of which nobody knows the end. `safe_without_effect`
    says of an undo that it does no harm where there is nothing to undo. `allowed_roles` may request
    it beside operators (roles, or `agent`). `performer` is the username of the agent that may
    report its result.
    `simulates` says that the handler honours `mode: simulate`. `lease_seconds` is how long a
    worker that fell silent is waited for; a handler may run longer, its lease is extended, but not
    beyond `max_seconds`: then it counts as hanging and another worker makes the next attempt.
    """

    name: str
    handler: Handler
    input_schema: Mapping[str, Any]
    output_schema: Mapping[str, Any]
    image_schema: Mapping[str, Any] | None = None
    reversibility: str = UNSPECIFIED
    undone_by: str | None = None
    compensation: CompensationPolicy | None = None
    retry: RetryPolicy = RetryPolicy()
    lease_seconds: int = 10
    max_seconds: int = 300
    simulates: bool = False
    description: str = ""
    status: StatusHandler | None = None
    safe_without_effect: bool = False
    allowed_roles: frozenset[str] = frozenset()
    performer: str = ""

    @property
    def images(self) -> Mapping[str, Any]:
        """What the images of what it changed are like."""
        return self.output_schema if self.image_schema is None else self.image_schema

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
    image_schema: Mapping[str, Any] | None = None,
    reversibility: str = UNSPECIFIED,
    undone_by: str | None = None,
    compensation: Mapping[str, Any] | None = None,
    retry: RetryPolicy = RetryPolicy(),
    lease_seconds: int = 10,
    max_seconds: int = 300,
    simulates: bool = False,
    description: str = "",
    status: StatusHandler | None = None,
    safe_without_effect: bool = False,
    allowed_roles: Collection[str] = (),
    performer: str = "",
) -> Callable[[Handler], Handler]:
    """Register the decorated handler under `name`.

    Raises ValueError for a name that is taken, a schema that is none, an unknown reversibility or
    role, or a policy that breaks a rule.
    """
    for schema in (input_schema, output_schema, image_schema or output_schema):
        check_schema(schema)
    if reversibility not in {*REVERSIBILITIES, UNSPECIFIED}:
        raise ValueError(f"{name}: unknown reversibility {reversibility!r}")
    if min(retry.max_attempts, lease_seconds, max_seconds) < 1:
        raise ValueError(f"{name}: attempts, lease and longest run must be at least 1")
    if unknown := set(allowed_roles) - ALLOWABLE:
        raise ValueError(f"{name}: unknown roles {', '.join(sorted(unknown))}")
    policy = None if compensation is None else parse_policy(compensation, approvals=False)

    def register(handler: Handler) -> Handler:
        if name in _capabilities:
            raise ValueError(f"a capability named {name!r} is already registered")
        _capabilities[name] = Capability(
            name=name,
            handler=handler,
            input_schema=input_schema,
            output_schema=output_schema,
            image_schema=image_schema,
            reversibility=reversibility,
            undone_by=undone_by,
            compensation=policy,
            retry=retry,
            lease_seconds=lease_seconds,
            max_seconds=max_seconds,
            simulates=simulates,
            description=description or (handler.__doc__ or "").strip(),
            status=status,
            safe_without_effect=safe_without_effect,
            allowed_roles=frozenset(allowed_roles),
            performer=performer,
        )
        return handler

    return register


def get(name: str) -> Capability | None:
    """Return the capability registered under `name`, if any."""
    return _capabilities.get(name)


def is_undo(name: str) -> bool:
    """Whether some capability registered here is undone by the one of this name."""
    return any(each.undone_by == name for each in _capabilities.values())


def is_safe_without_effect(name: str) -> bool:
    """Whether the capability of this name may run where there is nothing to undo."""
    found = _capabilities.get(name)
    return found is not None and found.safe_without_effect


def names() -> frozenset[str]:
    """Return the names of every registered capability."""
    return frozenset(_capabilities)


def all_capabilities() -> list[Capability]:
    """Return every registered capability, by name."""
    return [_capabilities[name] for name in sorted(_capabilities)]
