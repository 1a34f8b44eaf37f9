"""What a handler of a capability is told, and the ways in which it may answer."""

from __future__ import annotations

import dataclasses
import hashlib
import uuid
from collections.abc import Callable, Mapping
from typing import Any, Final

#: How waits grow: all the same, or each twice the one before.
BACKOFFS: Final = ("exponential", "fixed")
_DRAWN_BYTES: Final = 6


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


class NotDone(Exception):
    """This call had no effect, and says nothing of earlier ones with the same key: it was never
    made, or refused before anybody looked at the key.

    Weaker than `Failed`: what was unknown before it stays unknown. `permanent`: trying again will
    not help.
    """

    def __init__(self, detail: str, *, permanent: bool = False) -> None:
        super().__init__(detail)
        self.detail = detail
        self.permanent = permanent


class Unusable(Exception):
    """A result that breaks the capability's contract. What it reports may well have happened, and
    trying again will not help."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@dataclasses.dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often a capability is tried, and how long it waits in between: `base_seconds`, which
    double from try to try where `backoff` is exponential, `cap_seconds` at most.

    `jitter` is the part of a wait, 0 to 1, by which it may be shorter: what failed together because
    the other side was away does not come back together.
    """

    max_attempts: int = 5
    base_seconds: float = 1
    cap_seconds: float = 30
    backoff: str = "exponential"
    jitter: float = 0

    def wait_after(self, attempt: int, of: str) -> float:
        """Return the seconds to wait after the `attempt`th try (1-based) failed.

        `of` is whose try it was: what is drawn for one attempt is always the same, so that who asks
        twice is told the same.
        """
        grown = 2 ** (attempt - 1) if self.backoff == "exponential" else 1
        whole = min(self.base_seconds * grown, self.cap_seconds)
        return float(whole * (1 - self.jitter * _drawn(f"{of}:{attempt}")))


def _drawn(text: str) -> float:
    """Return a number from 0 up to 1, without it, spread evenly over texts."""
    first = hashlib.sha256(text.encode()).digest()[:_DRAWN_BYTES]
    return int.from_bytes(first) / 256**_DRAWN_BYTES


#: What is done where nothing else is declared.
USUAL_RETRY = RetryPolicy()


@dataclasses.dataclass(frozen=True, slots=True)
class Invocation:
    """What a handler is told.

    `idempotency_key` is the same for every attempt; `attempt` counts from 1; `mode` is commit or
    simulate (make no effect). `undoes` names the original of a compensating call, `original` is how
    that stood when it was done (`input output before after`), and `strategy` says whether to
    restore what was or to correct. `actor` acts, `on_behalf_of` asked for it (ids of actors).
    `correlation_id` is the case or batch, or the execution where there is none; `causation_id` the
    ledger entry of this attempt. `ask` is what the handler has left of work that was accepted
    (`Later`). `expected_state_version` was found true just before the call; a handler that can
    compare and set in one act does so.
    """

    input: dict[str, Any]
    idempotency_key: str
    attempt: int
    tenant_id: uuid.UUID
    execution_id: uuid.UUID
    mode: str
    undoes: tuple[str, uuid.UUID] | None = None
    actor: uuid.UUID | None = None
    on_behalf_of: uuid.UUID | None = None
    correlation_id: uuid.UUID | None = None
    causation_id: uuid.UUID | None = None
    strategy: str = ""
    original: Mapping[str, Any] | None = None
    ask: str = ""
    expected_state_version: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Result:
    """What a handler did. `before` and `after` are images of the state it changed, if any, and
    `state_version` the version of that from now on, where it knows."""

    output: dict[str, Any]
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    state_version: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Later:
    """It was accepted, and the result comes later: `later` is asked for it, with `ask`, after
    `seconds` (the capability's own time where that is None). No worker waits."""

    ask: str
    seconds: float | None = None


Handler = Callable[[Invocation], Result | Later]
# At which version the state is that such a call would change, as a text that is compared as it is.
VersionHandler = Callable[[Invocation], str]
# What became of an earlier call with the same key: its result, that it is still under way, None
# where that cannot be told, or `Failed` is raised where there is no effect and there will be none
# by that call.
StatusHandler = Callable[[Invocation], Result | Later | None]


@dataclasses.dataclass(frozen=True, slots=True)
class Trial:
    """What `check_undo` tries an undo with: the input, what has to be there beforehand (made in the
    tenant it is given), and what the state is afterwards, where the images do not say that."""

    input: Mapping[str, Any]
    prepare: Callable[[uuid.UUID], object] | None = None
    look: Callable[[uuid.UUID], Mapping[str, Any]] | None = None
