"""What undoing one finished thing would mean: a pure function of its stored row.

`plan_original` answers with a step (how, by whom), an exclusion (why not, and what instead), or
None for what needs no undo. `plan` selects and orders; nothing here reads the database or the
clock.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext_noop

from compensation.lifecycle import CompensationState, Reversibility
from compensation.policy import CompensationPolicy
from ledger.clock import rfc3339
from ledger.durations import format_duration

# How an undo task may end; only the first two settle the original as undone.
UNDO_OUTCOMES = ("REVERSED", "CORRECTED", "PARTIALLY_REVERSED", "CANNOT_REVERSE")
UNDONE_OUTCOMES = frozenset({"REVERSED", "CORRECTED"})
# Outcomes after which somebody else must know what stands now, and why.
EXPLAINED_OUTCOMES = frozenset({"CORRECTED", "PARTIALLY_REVERSED", "CANNOT_REVERSE"})


# Why something is left out of a plan, in words, and what could be done instead (DESIGN §6).
EXCLUSIONS: dict[str, tuple[str, tuple[str, ...]]] = {
    "already_compensated": (gettext_noop("It has already been undone."), ("nothing_to_do",)),
    "in_flight": (gettext_noop("It is running now; its result is awaited."), ("wait",)),
    "not_completed": (gettext_noop("It was never finished."), ("cancel_if_open",)),
    "irreversible": (gettext_noop("It is declared irreversible."), ("correct", "accept")),
    "pivot": (gettext_noop("It is a point of no return."), ("undo_item", "accept")),
    "no_compensation_declared": (
        gettext_noop("Nobody declared how to undo it."), ("include", "accept")
    ),
    "window_closed": ("It could be undone until {until}.", ("override_window", "accept")),
    "outcome_unknown": (
        gettext_noop("Nobody knows whether it happened."), ("settle_outcome", "undo_anyway")
    ),
}  # fmt: skip
NOTHING_WITHIN = gettext_noop("It is a case of its own, of which nothing can be undone.")
# A simulation or a mere check of the input changed nothing, whatever status it ended in.
NO_EFFECT = (gettext_noop("It ran without effect: there is nothing to undo."), ("nothing_to_do",))
# These hold whether or not an undo is needed.
UNCONDITIONAL = frozenset({"already_compensated", "in_flight", "not_completed"})
SEQ_OF_UNORDERED = -1


@dataclasses.dataclass(frozen=True, slots=True)
class OriginalRef:
    """What is to be undone; `name` is its binding or, without a case, its title."""

    type: str
    id: uuid.UUID
    name: str

    def to_json(self) -> dict[str, str]:
        """Return it as plans store and show it."""
        return {"type": self.type, "id": str(self.id), "name": self.name}


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """One piece of work of a whole (or the one a plan is about) as planning sees it.

    `row` is what can be undone; `settled` its finished status; `policy` what was declared (None:
    nothing); `undo` the name of the binding that undoes it; `order` its declared place among
    those that have one, which are undone before the others; `aliases` are further names by which a
    scope may call it; `by_itself`: it may be undone alone, without a plan. `unsure`: nobody knows
    whether it had its effect; `safe_on_nothing`: its undo does no harm where it had none; then it
    may be undone `as_if` it had happened. `stands`: its whole says that no plan undoes it, and why.
    `is_whole`: it is a whole of its own, of the parts `below` where a run of its own undoes it;
    `is_open`: that has not ended, and goes on. `begun_after`: the number up to which all had been
    finished when it began; asked of what has none of its own.
    """

    row: Any
    original: OriginalRef
    settled: str
    policy: CompensationPolicy | None
    reversibility: str
    completed_at: dt.datetime | None
    completed_by: uuid.UUID | None
    in_flight: bool
    undo: str = ""
    order: float | None = None
    aliases: tuple[str, ...] = ()
    by_itself: bool = True
    unsure: bool = False
    safe_on_nothing: bool = False
    as_if: bool = False
    stands: Exclusion | None = None
    is_whole: bool = False
    is_open: bool = False
    begun_after: int = SEQ_OF_UNORDERED
    below: tuple[Part, ...] | None = None

    @property
    def seq(self) -> int:
        """The completion number, below all others for what has none."""
        found = self.row.completion_seq
        return SEQ_OF_UNORDERED if found is None else int(found)

    def called(self, word: str) -> bool:
        """Whether `word` names this part: by its name, its id, or an alias."""
        return word in {self.original.name, str(self.original.id), *self.aliases}


@dataclasses.dataclass(frozen=True, slots=True)
class UndoStep:
    """How one finished thing would be undone."""

    part: Part
    policy: CompensationPolicy
    strategy: str | None
    #: Of one that is too late: until when it could be undone, and why it is all the same.
    overridden: Mapping[str, str] | None = None

    def shown(self, n: int, *, depends_on: list[int]) -> dict[str, Any]:
        """Return it as the plan stores and shows it."""
        part, how = self.part, _how(self.policy, self.strategy)
        return {
            "n": n,
            "original": part.original.to_json(),
            "completion_seq": part.row.completion_seq,
            "completed_at": rfc3339(part.completed_at) if part.completed_at else None,
            "completed_by": str(part.completed_by) if part.completed_by else None,
            **how,
            "candidate_groups": list(how["candidate_groups"]),
            "candidate_users": list(how["candidate_users"]),
            "policy_hash": self.policy.digest,
            "binding": part.undo,
            **({"on_failure": "continue"} if self.policy.on_failure == "continue" else {}),
            "deadline": how["deadline"] or None,
            "depends_on": depends_on,
            **({} if part.order is None else {"undo_order": part.order}),
            **({"window_overridden": dict(self.overridden)} if self.overridden else {}),
        }


@dataclasses.dataclass(frozen=True, slots=True)
class NestedStep:
    """How a whole below the one that is planned would be undone: by the run of a plan of its own,
    which is in the step (`content`, with its digest)."""

    part: Part
    content: dict[str, Any]
    digest: str
    strategy: str | None

    def shown(self, n: int, *, depends_on: list[int]) -> dict[str, Any]:
        """Return it as the plan stores and shows it."""
        part = self.part
        return {
            "n": n,
            "original": part.original.to_json(),
            "completion_seq": part.row.completion_seq,
            "completed_at": rfc3339(part.completed_at) if part.completed_at else None,
            "completed_by": None,
            "mode": "automated",
            "strategy": self.strategy or "restore",
            "capability": "",
            "performer": "",
            "candidate_groups": [],
            "candidate_users": [],
            "fallback": "fault",
            "policy_hash": self.digest,
            "binding": "",
            "deadline": None,
            "depends_on": depends_on,
            "nested": {**self.content, "digest": self.digest},
            **({} if part.order is None else {"undo_order": part.order}),
        }


@dataclasses.dataclass(frozen=True, slots=True)
class Exclusion:
    """Why something would not be undone, and what could be done instead."""

    original: OriginalRef
    code: str
    detail: str
    alternatives: tuple[str, ...]
    #: Of a time that is over: when it was, by RFC 3339.
    until: str = ""
    #: Why somebody said that it may stay.
    waived: str = ""
    #: Of a whole of which nothing can be undone: why, part by part.
    within: tuple[dict[str, Any], ...] = ()

    def shown(self) -> dict[str, Any]:
        """Return it as the plan stores and shows it."""
        return {
            "original": self.original.to_json(),
            "code": self.code,
            "detail": self.detail,
            "alternatives": list(self.alternatives),
            **({"until": self.until} if self.until else {}),
            **({"waived": self.waived} if self.waived else {}),
            **({"within": list(self.within)} if self.within else {}),
        }


@dataclasses.dataclass(frozen=True, slots=True)
class UndoRequest:
    """Everything one undo is told: asked once, stored with each attempt, repeated by a retry.

    `task_input` is the payload of the human task or the input of the execution; None means the
    original's own. `assignee_id` names one performer and wins over `performer`. `due_in`: the time
    a human task has from its opening on, as ISO 8601 text; when that of `deadline` is over, the
    task is escalated. `asked_by`: who has asked for it beside `requested_by`, as whoever tries it
    again does. `overrides_window`: it is undone although its time is over.
    """

    mode: str
    strategy: str
    reason: str
    requested_by: uuid.UUID
    regulatory_basis: tuple[dict[str, str], ...] = ()
    capability: str = ""
    performer: str = "original_actor"
    candidate_groups: tuple[str, ...] = ()
    candidate_users: tuple[str, ...] = ()
    assignee_id: uuid.UUID | None = None
    fallback: str = "fault"
    title: str = ""
    task_input: dict[str, Any] | None = None
    outcomes: tuple[str, ...] = UNDO_OUTCOMES
    resolution_schema: dict[str, Any] | None = None
    form: dict[str, Any] | None = None
    priority: str = "HIGH"
    due_in: str = ""
    deadline: str = ""
    run_id: uuid.UUID | None = None
    step: int | None = None
    binding: str = ""
    asked_by: tuple[uuid.UUID, ...] = ()
    overrides_window: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the form an attempt stores."""
        said = dataclasses.asdict(self)
        for name in ("requested_by", "assignee_id", "run_id"):
            said[name] = None if said[name] is None else str(said[name])
        said["asked_by"] = [str(actor) for actor in self.asked_by]
        if not self.overrides_window:
            # What is asked the usual way is told, and agreed to, as it always was.
            del said["overrides_window"]
        return said

    @classmethod
    def from_json(cls, said: dict[str, Any]) -> UndoRequest:
        """Return the request an attempt stored."""
        values = dict(said)
        for name in ("requested_by", "assignee_id", "run_id"):
            values[name] = None if values[name] is None else uuid.UUID(values[name])
        for name in ("regulatory_basis", "candidate_groups", "candidate_users", "outcomes"):
            # An attempt that was stored before there were candidate users names none.
            values[name] = tuple(values.get(name, ()))
        values["asked_by"] = tuple(uuid.UUID(each) for each in values.get("asked_by", ()))
        return cls(**values)

    def also_asked_by(self, actors: Iterable[uuid.UUID]) -> UndoRequest:
        """Return it as these have asked for it too."""
        known = dict.fromkeys((*self.asked_by, *actors))
        return dataclasses.replace(self, asked_by=tuple(known))


def request_of(
    policy: CompensationPolicy, *, reason: str, requested_by: uuid.UUID, strategy: str | None = None
) -> UndoRequest:
    """Return the request that an effective policy means."""
    return UndoRequest(reason=reason, requested_by=requested_by, **_how(policy, strategy))


def _how(policy: CompensationPolicy, strategy: str | None) -> dict[str, Any]:
    """Return how an undo is done, by the names of `UndoRequest`; a `strategy` asked for wins."""
    said = policy.effective()
    return {
        "mode": said.mode,
        "strategy": strategy or said.strategy,
        "capability": said.capability or "",
        "performer": said.performer,
        "candidate_groups": said.candidate_groups,
        "candidate_users": said.candidate_users,
        "fallback": said.fallback,
        "deadline": format_duration(said.deadline) if said.deadline else "",
    }


def had_effect(row: object) -> bool:
    """Whether finishing `row` could change anything: an execution of another mode than `commit` is
    never undone, since undoing it would be an effect of its own. Work items have no mode."""
    return getattr(row, "mode", "commit") == "commit"


def leaves_nothing(row: Any) -> bool:
    """Whether finished work needs no undo, by its author's word or because it had no effect:
    nothing of it stays that anybody would have to know of."""
    return row.reversibility == Reversibility.NOT_NEEDED or not had_effect(row)


def plan_original(
    part: Part, *, strategy: str | None, now: dt.datetime, although_late: str = ""
) -> UndoStep | Exclusion | None:
    """Return how a part would be undone, why it would not, or None when it needs no undo;
    `although_late` is why somebody wants it undone after its time is over."""
    row, policy = part.row, part.policy
    if part.stands is not None:
        return part.stands
    if not had_effect(row):
        return Exclusion(part.original, "not_completed", *NO_EFFECT)
    state = row.compensation_state
    closes = None if policy is None else policy.closes_at(part.completed_at)
    too_late = closes is not None and now > closes
    wanted = strategy or (policy.strategy if policy is not None else None)
    refusals = (
        (state == CompensationState.COMPENSATED, "already_compensated"),
        (part.in_flight, "in_flight"),
        (part.unsure and not part.as_if, "outcome_unknown"),
        (
            state == CompensationState.NONE and row.status != part.settled and not part.unsure,
            "not_completed",
        ),
        (row.reversibility == Reversibility.IRREVERSIBLE and wanted != "correct", "irreversible"),
        (row.reversibility == Reversibility.PIVOT, "pivot"),
        (policy is None, "no_compensation_declared"),
        (too_late and not although_late, "window_closed"),
    )
    code = next((code for applies, code in refusals if applies), None)
    if row.reversibility == Reversibility.NOT_NEEDED and code not in UNCONDITIONAL:
        return None
    if code is None and policy is not None:
        overridden = _overridden(closes, although_late) if too_late else None
        return UndoStep(part, policy, strategy, overridden)
    detail, alternatives = EXCLUSIONS[str(code)]
    offered = {"undo_item": part.by_itself, "undo_anyway": part.safe_on_nothing}
    alternatives = tuple(each for each in alternatives if offered.get(each, True))
    until = "" if closes is None else f"{closes:%Y-%m-%d %H:%M} UTC"
    return Exclusion(
        part.original, str(code), detail.format(until=until), alternatives,
        rfc3339(closes) if closes is not None and code == "window_closed" else "",
    )  # fmt: skip


def _overridden(closes: dt.datetime | None, reason: str) -> dict[str, str]:
    """Return what a plan keeps of somebody's word that a time which is over does not count."""
    return {"until": "" if closes is None else rfc3339(closes), "reason": reason}
