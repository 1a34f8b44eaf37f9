"""The ways to undo, by mode: a task for a person, or an execution. Upper apps register theirs."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable
from typing import Any

from compensation.planning import UndoRequest
from compensation.policy import UNSPECIFIED, CompensationPolicy
from ledger.errors import Refusal
from ledger.record import ActorRef, EntryRef
from verbs.move import Moves


@dataclasses.dataclass(frozen=True, slots=True)
class Opened:
    """What was opened to do the undoing. `replaced` says why the wanted performer was not asked."""

    type: str
    id: uuid.UUID
    replaced: str = ""


# Opens what was prepared: (caused by, moves) → what was opened.
Prepared = Callable[[EntryRef, Moves], Opened]
# Prepares an undo: (original, request, number of the attempt, by). It writes nothing, and refuses
# what cannot be opened.
Performer = Callable[[Any, UndoRequest, int, ActorRef], Prepared]
# Why an undo like this could not be opened; None where it could. (original, capability) → refusal.
Unfit = Callable[[Any, str], Refusal | None]


def _fits(_original: Any, _capability: str) -> None:
    return None


def _undeclared(_capability: str) -> str:
    return UNSPECIFIED


def _harmful(_capability: str) -> bool:
    return False


@dataclasses.dataclass(frozen=True, slots=True)
class Way:
    """One way to undo, by its mode: how an undo is opened, why it could not be, which capabilities
    do no harm where there is nothing to undo, and how bad it is when one goes wrong."""

    performer: Performer
    unfit: Unfit = _fits
    safe_on_nothing: Callable[[str], bool] = _harmful
    risk: Callable[[str], str] = _undeclared


_ways: dict[str, Way] = {}


def register_performer(mode: str, performer: Performer, **how: Any) -> None:
    """Say how an undo of one mode is opened: a human task, or an execution. `how`: see `Way`."""
    _ways[mode] = Way(performer, **how)


def performer_for(mode: str) -> Performer:
    """Return who prepares an undo of this mode. Raises KeyError where nobody can."""
    return _ways[mode].performer


def refusal_of(row: Any) -> Refusal | None:
    """Return why an undo of `row` could not be opened as its policy says, with its own input."""
    said = CompensationPolicy.from_json(row.policy).effective()
    way = _ways.get(said.mode or "human")
    return None if way is None else way.unfit(row, said.capability or "")


def risk_of_way(policy: CompensationPolicy | None) -> str:
    """Return how bad it is when the undo that a policy says goes wrong."""
    said = None if policy is None else policy.effective()
    way = None if said is None else _ways.get(said.mode or "human")
    return UNSPECIFIED if said is None or way is None else way.risk(said.capability or "")


def is_safe_on_nothing(policy: CompensationPolicy | None) -> bool:
    """Whether what a policy says does no harm where there is nothing to undo."""
    said = None if policy is None else policy.effective()
    way = None if said is None else _ways.get(said.mode or "human")
    return said is not None and way is not None and way.safe_on_nothing(said.capability or "")
