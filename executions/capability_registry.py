"""Capabilities: the named automated actions that may be run, and undone, under governance.

A capability is a handler with a contract: schemas of its input and output, whether and by what it
can be undone, how often it is tried again. Apps declare theirs in a module `capabilities`, which is
loaded at start.

A handler runs outside any transaction and holds no lock. It must make its effect once per
`Invocation.idempotency_key`: called again after a crash, with the same key, it answers the same.

Only the handler's own word, `Failed`, says that there is no effect. However else a call ends (the
worker dies, the time is over, another exception) its effect is unknown: it is asked about
(`status`) and called again with the same key, and when attempts are used up a person settles it.

A capability without a handler is an agent's: somebody outside reports its result. One that is
called by HTTP has a handler like any other (`executions.http_capabilities`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypedDict

from typing_extensions import Unpack

from accounts.roles import Role
from compensation.policy import REVERSIBILITIES, UNSPECIFIED, CompensationPolicy, parse_policy
from executions.handler_contract import (
    BACKOFFS,
    USUAL_RETRY,
    Failed,
    Handler,
    Invocation,
    Later,
    NotDone,
    Permanent,
    Result,
    RetryPolicy,
    StatusHandler,
    Trial,
    VersionHandler,
)
from json_values.json_schema import check_schema

__all__ = [
    "Capability",
    "Failed",
    "Invocation",
    "Later",
    "NotDone",
    "Permanent",
    "Result",
    "RetryPolicy",
    "Trial",
    "capability",
]

# Who may be allowed to request a capability beside operators.
AGENT = "agent"
ALLOWABLE = frozenset({*Role.values, AGENT})
#: A later result is asked for by a moment in the calendar, and all waiting has an end.
MAX_WAIT_SECONDS = 366 * 86_400
MODES = ("commit", "simulate", "validate")
REJECT, REVALIDATE, ASK_AGAIN = ON_STALE = ("reject", "revalidate", "ask_again")
KINDS = ("python", "http", "agent")
# What a policy may be made of: how bad it is when it goes wrong, and how far that reaches.
RISKS = ("low", "medium", "high", "critical")
BLAST_RADII = ("single", "module", "system", "global")
# Whether a second call with the same key is harmless. Of what is `unknown` that is assumed, as the
# contract says it; what is `non_idempotent` is not called again while nobody knows of the first.
NON_IDEMPOTENT = "non_idempotent"
SIDE_EFFECTS = ("idempotent", NON_IDEMPOTENT, "unknown")
ANY_OBJECT: Mapping[str, Any] = {"type": "object"}
# What the undo is called that is made of a capability's own handlers.
_OWN_UNDO = "{}.undo"


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
    `simulate` is called in place of the handler with `mode: simulate`; `simulates` says that the
    handler honours that mode itself. Either is held to reading by the database.
    `lease_seconds` is how long a
    worker that fell silent is waited for; a handler may run longer, its lease is extended, but not
    beyond `max_seconds`: then it counts as hanging and another worker makes the next attempt.
    `risk`, `blast_radius` and `side_effect` are what policies are made of. `restore` and `correct`
    say that it brought its own undo, by strategy. `later` is asked for the result of what was
    accepted, every `poll_seconds` (less and less often) for `wait_seconds`; then nobody knows.
    `trial` is what its undo is tried with. `rolls_back`: all it does is in our own database, so
    that a transaction which is put back leaves nothing of it; `sandbox` does the same to a target
    that is there for trying. `state_version` says at which version the state is that it would
    change; `on_stale` what happens where that is not the expected one: reject, revalidate or
    ask_again. `undo_expects_state`: so is the undo that it brought, which then only runs in the
    state that its call left. `category` and `tags` are for policies to ask about.
    """

    name: str
    handler: Handler | None
    input_schema: Mapping[str, Any]
    output_schema: Mapping[str, Any]
    image_schema: Mapping[str, Any] | None = None
    reversibility: str = UNSPECIFIED
    undone_by: str | None = None
    compensation: CompensationPolicy | None = None
    retry: RetryPolicy = USUAL_RETRY
    lease_seconds: int = 10
    max_seconds: int = 300
    simulates: bool = False
    description: str = ""
    status: StatusHandler | None = None
    safe_without_effect: bool = False
    allowed_roles: frozenset[str] = frozenset()
    performer: str = ""
    kind: str = "python"
    risk: str = UNSPECIFIED
    blast_radius: str = UNSPECIFIED
    side_effect: str = "unknown"
    restore: Handler | None = None
    correct: Handler | None = None
    later: StatusHandler | None = None
    poll_seconds: float = 5
    wait_seconds: int = 86_400
    trial: Trial | None = None
    rolls_back: bool = False
    sandbox: Handler | None = None
    category: str = ""
    tags: tuple[str, ...] = ()
    simulate: Handler | None = None
    state_version: VersionHandler | None = None
    on_stale: str = REJECT
    undo_expects_state: bool = False

    @property
    def simulation(self) -> Handler | None:
        """What is called with `mode: simulate`, if it can be simulated at all."""
        return self.simulate or (self.handler if self.simulates else None)

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


class Declared(TypedDict, total=False):
    """What may be declared of any capability; each as in `Capability`."""

    input_schema: Mapping[str, Any]
    output_schema: Mapping[str, Any]
    image_schema: Mapping[str, Any] | None
    reversibility: str
    undone_by: str | None
    compensation: Mapping[str, Any] | None
    retry: RetryPolicy
    lease_seconds: int
    max_seconds: int
    simulates: bool
    description: str
    status: StatusHandler | None
    safe_without_effect: bool
    allowed_roles: Collection[str]
    performer: str
    risk: str
    blast_radius: str
    side_effect: str
    restore: Handler | None
    correct: Handler | None
    later: StatusHandler | None
    poll_seconds: float
    wait_seconds: int
    trial: Trial | None
    rolls_back: bool
    sandbox: Handler | None
    category: str
    tags: Collection[str]
    simulate: Handler | None
    state_version: VersionHandler | None
    on_stale: str
    undo_expects_state: bool


def capability(name: str, **declared: Unpack[Declared]) -> Callable[[Handler], Handler]:
    """Register the decorated handler under `name`.

    With `restore` or `correct` it brings its own undo, registered beside it as `<name>.undo`.
    Raises ValueError for a name that is taken, a schema that is none, an unknown reversibility,
    role or other word, or a policy that breaks a rule.
    """
    made = declare(name, None, "python", declared)

    def registered(handler: Handler) -> Handler:
        said = made.description or (handler.__doc__ or "").strip()
        register(dataclasses.replace(made, handler=handler, description=said))
        return handler

    return registered


def agent_capability(name: str, **declared: Unpack[Declared]) -> None:
    """Register what an agent does: it is WAITING from the start, until the result is reported by
    its `performer`, by whoever asked for it, or by an operator."""
    register(declare(name, None, "agent", declared))


def declare(name: str, handler: Handler | None, kind: str, declared: Declared) -> Capability:
    """Return a capability, checked and not registered yet. Raises as `capability` does."""
    said: dict[str, Any] = {"input_schema": ANY_OBJECT, "output_schema": ANY_OBJECT, **declared}
    policy = said.get("compensation")
    if policy is not None:
        said["compensation"] = parse_policy(policy)
    roles = frozenset(said.pop("allowed_roles", ()))
    said["tags"] = tuple(said.get("tags", ()))
    made = Capability(name=name, handler=handler, kind=kind, allowed_roles=roles, **said)
    _check(made)
    return made


def register(made: Capability) -> None:
    """Register a capability, and the undo it brings. Raises ValueError as `capability` does."""
    _check(made)
    if made.restore is not None or made.correct is not None:
        made = dataclasses.replace(made, undone_by=_OWN_UNDO.format(made.name))
        _add(_own_undo(made))
    _add(made)


def _add(made: Capability) -> None:
    if made.name in _capabilities:
        raise ValueError(f"a capability named {made.name!r} is already registered")
    _capabilities[made.name] = made


def _check_waiting(made: Capability) -> None:
    if made.poll_seconds <= 0:
        raise ValueError(f"{made.name}: what is asked for is asked after more than no time")
    if made.wait_seconds > MAX_WAIT_SECONDS:
        raise ValueError(f"{made.name}: nobody waits longer than a year for a result")


def _check(made: Capability) -> None:
    name = made.name
    for schema in (made.input_schema, made.output_schema, made.images):
        check_schema(schema)
    words = (
        ("kind", made.kind, KINDS),
        ("reversibility", made.reversibility, (*REVERSIBILITIES, UNSPECIFIED)),
        ("risk", made.risk, (*RISKS, UNSPECIFIED)),
        ("blast radius", made.blast_radius, (*BLAST_RADII, UNSPECIFIED)),
        ("side effect", made.side_effect, SIDE_EFFECTS),
        ("way with a stale state", made.on_stale, ON_STALE),
        ("backoff", made.retry.backoff, BACKOFFS),
    )
    for what, word, known in words:
        if word not in known:
            raise ValueError(f"{name}: unknown {what} {word!r}")
    if min(made.retry.max_attempts, made.lease_seconds, made.max_seconds, made.wait_seconds) < 1:
        raise ValueError(f"{name}: attempts, lease, longest run and wait must be at least 1")
    if not 0 <= made.retry.jitter <= 1:
        raise ValueError(f"{name}: jitter is a part of a wait, from 0 to 1")
    _check_waiting(made)
    if unknown := set(made.allowed_roles) - ALLOWABLE:
        raise ValueError(f"{name}: unknown roles {', '.join(sorted(unknown))}")
    if made.undone_by is not None and (made.restore is not None or made.correct is not None):
        raise ValueError(f"{name}: its undo is `undone_by`, or its own handlers; not both")
    _check_state(made)


def _check_state(made: Capability) -> None:
    """Raise ValueError where an undo shall expect a state of which nobody tells the version, or
    that is no undo of its own."""
    own = made.restore is not None or made.correct is not None
    if made.undo_expects_state and (made.state_version is None or not own):
        said = "an undo that expects a state needs `state_version`, and its own `restore`"
        raise ValueError(f"{made.name}: {said} or `correct`")


def _own_undo(made: Capability) -> Capability:
    """Return the undo that a capability's own handlers make, chosen by strategy.

    Its `status` is not asked about the undo: it knows the keys of what it did, and would say of
    those of undos that they had no effect.
    """
    ways = {"restore": made.restore, "correct": made.correct}

    def undo(call: Invocation) -> Result | Later:
        strategy = call.strategy or "restore"
        way = ways.get(strategy)
        if way is None:
            raise Permanent(f"{made.name} declares no way to {strategy} what it did")
        return way(call)

    return Capability(
        name=_OWN_UNDO.format(made.name),
        handler=undo,
        input_schema=made.input_schema,
        output_schema=ANY_OBJECT,
        image_schema=made.images,
        retry=made.retry,
        lease_seconds=made.lease_seconds,
        max_seconds=made.max_seconds,
        risk=made.risk,
        blast_radius=made.blast_radius,
        category=made.category,
        tags=made.tags,
        side_effect=made.side_effect,
        later=made.later,
        poll_seconds=made.poll_seconds,
        wait_seconds=made.wait_seconds,
        description=f"Takes back what {made.name} did.",
        rolls_back=made.rolls_back,
        state_version=made.state_version if made.undo_expects_state else None,
        on_stale=made.on_stale,
    )


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


def risk_of(name: str) -> str:
    """Return how bad it is when the capability of this name goes wrong, where that is declared."""
    found = _capabilities.get(name)
    return UNSPECIFIED if found is None else found.risk


def names() -> frozenset[str]:
    """Return the names of every registered capability."""
    return frozenset(_capabilities)


def all_capabilities() -> list[Capability]:
    """Return every registered capability, by name."""
    return [_capabilities[name] for name in sorted(_capabilities)]
