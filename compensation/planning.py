"""What undoing one finished thing would mean: a pure function of its stored row.

`plan_original` answers with a step (how, by whom), an exclusion (why not, and what instead), or
None for what needs no undo. `cases` selects and orders; nothing here reads the database or the
clock.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from typing import Any, Protocol

from compensation.lifecycle import CompensationState, Reversibility
from compensation.policy import CompensationPolicy

# How an undo task may end; only the first two settle the original as undone.
UNDO_OUTCOMES = ("REVERSED", "CORRECTED", "PARTIALLY_REVERSED", "CANNOT_REVERSE")
UNDONE_OUTCOMES = frozenset({"REVERSED", "CORRECTED"})


# Why something is left out of a plan, in words, and what could be done instead (DESIGN §6).
EXCLUSIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "already_compensated": ("It has already been undone.", ("nothing_to_do",)),
    "in_flight": ("It is running now; its result is awaited.", ("wait",)),
    "not_completed": ("It was never finished.", ("cancel_if_open",)),
    "irreversible": ("It is declared irreversible.", ("correct", "accept")),
    "pivot": ("It is a point of no return.", ("undo_item", "accept")),
    "no_compensation_declared": ("Nobody declared how to undo it.", ("include", "accept")),
    "window_closed": ("It could be undone until {until}.", ("accept",)),
}
# A simulation or a mere check of the input changed nothing, whatever status it ended in.
NO_EFFECT = ("It ran without effect: there is nothing to undo.", ("nothing_to_do",))
# These hold whether or not an undo is needed.
UNCONDITIONAL = frozenset({"already_compensated", "in_flight", "not_completed"})


@dataclasses.dataclass(frozen=True, slots=True)
class OriginalRef:
    """What is to be undone; `name` is its binding or, without a case, its title."""

    type: str
    id: uuid.UUID
    name: str


@dataclasses.dataclass(frozen=True, slots=True)
class UndoStep:
    """How one finished thing would be undone."""

    original: OriginalRef
    completion_seq: int | None
    completed_at: dt.datetime | None
    completed_by: uuid.UUID | None
    mode: str
    strategy: str
    capability: str
    performer: str
    candidate_groups: tuple[str, ...]
    fallback: str
    policy_hash: str
    compensation_state: str


@dataclasses.dataclass(frozen=True, slots=True)
class Exclusion:
    """Why something would not be undone, and what could be done instead."""

    original: OriginalRef
    code: str
    detail: str
    alternatives: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class UndoRequest:
    """Everything one undo is told: asked once, stored with each attempt, repeated by a retry.

    `task_input` is the payload of the human task or the input of the execution; None means the
    original's own. `assignee_id` names one performer and wins over `performer`.
    """

    mode: str
    strategy: str
    reason: str
    requested_by: uuid.UUID
    regulatory_basis: tuple[dict[str, str], ...] = ()
    capability: str = ""
    performer: str = "original_actor"
    candidate_groups: tuple[str, ...] = ()
    assignee_id: uuid.UUID | None = None
    fallback: str = "fault"
    title: str = ""
    task_input: dict[str, Any] | None = None
    outcomes: tuple[str, ...] = UNDO_OUTCOMES
    resolution_schema: dict[str, Any] | None = None
    priority: str = "HIGH"
    run_id: uuid.UUID | None = None
    step: int | None = None
    binding: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the form an attempt stores."""
        said = dataclasses.asdict(self)
        for name in ("requested_by", "assignee_id", "run_id"):
            said[name] = None if said[name] is None else str(said[name])
        return said

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> UndoRequest:
        """Return the request an attempt stored."""
        values = dict(said)
        for name in ("requested_by", "assignee_id", "run_id"):
            values[name] = None if values[name] is None else uuid.UUID(values[name])
        for name in ("regulatory_basis", "candidate_groups", "outcomes"):
            values[name] = tuple(values[name])
        return cls(**values)


class Compensable(Protocol):
    """The columns that every kind of original has (work items and executions)."""

    id: uuid.UUID
    tenant_id: uuid.UUID
    version: int
    status: str
    compensation_state: str
    compensation_round: int
    reversibility: str
    policy: dict[str, Any]
    undoes_id: uuid.UUID | None
    run_id: uuid.UUID | None
    case_id: uuid.UUID | None
    binding: str
    completion_seq: int | None


def request_of(
    policy: CompensationPolicy, *, reason: str, requested_by: uuid.UUID, strategy: str | None = None
) -> UndoRequest:
    """Return the request that an effective policy means."""
    said = policy.effective()
    return UndoRequest(
        mode=said.mode or "human",
        strategy=strategy or said.strategy or "restore",
        reason=reason,
        requested_by=requested_by,
        capability=said.capability or "",
        performer=said.performer or "original_actor",
        candidate_groups=said.candidate_groups or (),
        fallback=said.fallback or "fault",
    )


def had_effect(row: object) -> bool:
    """Whether finishing `row` could change anything: an execution of another mode than `commit` is
    never undone, since undoing it would be an effect of its own. Work items have no mode."""
    return getattr(row, "mode", "commit") == "commit"


def plan_original(
    row: Compensable,
    original: OriginalRef,
    *,
    settled: str,
    policy: CompensationPolicy | None,
    completed_at: dt.datetime | None,
    completed_by: uuid.UUID | None,
    in_flight: bool,
    strategy: str | None,
    now: dt.datetime,
) -> UndoStep | Exclusion | None:
    """Return how `row` would be undone, why it would not, or None when it needs no undo.

    `settled` is the status of finished work of this kind, `policy` what was declared (None:
    nothing).
    """
    if not had_effect(row):
        return Exclusion(original, "not_completed", *NO_EFFECT)
    state = row.compensation_state
    closes = _window_ends(policy, completed_at)
    refusals = (
        (state == CompensationState.COMPENSATED, "already_compensated"),
        (in_flight, "in_flight"),
        (state == CompensationState.NONE and row.status != settled, "not_completed"),
        (row.reversibility == Reversibility.IRREVERSIBLE and strategy != "correct", "irreversible"),
        (row.reversibility == Reversibility.PIVOT, "pivot"),
        (policy is None, "no_compensation_declared"),
        (closes is not None and now > closes, "window_closed"),
    )
    code = next((code for applies, code in refusals if applies), None)
    if row.reversibility == Reversibility.NOT_NEEDED and code not in UNCONDITIONAL:
        return None
    if code is not None or policy is None:
        detail, alternatives = EXCLUSIONS[code or "no_compensation_declared"]
        if original.type != "work_item":
            # Only a work item can be undone by itself, without a plan.
            alternatives = tuple(each for each in alternatives if each != "undo_item")
        until = "" if closes is None else f"{closes:%Y-%m-%d %H:%M} UTC"
        return Exclusion(original, str(code), detail.format(until=until), alternatives)
    said = policy.effective()
    return UndoStep(
        original=original,
        completion_seq=row.completion_seq,
        completed_at=completed_at,
        completed_by=completed_by,
        mode=said.mode or "human",
        strategy=strategy or said.strategy or "restore",
        capability=said.capability or "",
        performer=said.performer or "original_actor",
        candidate_groups=said.candidate_groups or (),
        fallback=said.fallback or "fault",
        policy_hash=policy.digest,
        compensation_state=state,
    )


def _window_ends(
    policy: CompensationPolicy | None, completed_at: dt.datetime | None
) -> dt.datetime | None:
    window = None if policy is None else policy.effective().window
    return None if window is None or completed_at is None else completed_at + window
