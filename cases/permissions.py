"""What somebody may do with a case, a run or a step now, and why not. For buttons and answers.

The verbs check again, under their locks; this only spares people a refusal. A reason is a code:
not_operator, run_live, wrong_state, undo_not_begun.
"""

from __future__ import annotations

import uuid
from typing import Any

from accounts.acting import Authority
from cases.lifecycle import (
    CANCELLABLE,
    CLOSABLE,
    LIVE_RUNS,
    ROLLBACK_FROM,
    ROLLING_BACK,
    SUSPENDABLE,
    CaseStatus,
    RunStatus,
    StepStatus,
)
from cases.models import Case, CompensationRun, CompensationStep
from cases.originals import read
from executions.lifecycle import CompensationState as State
from workitems.permissions import Action

# With no run live, and with one: a case under rollback is held and goes on with its run.
_CASE_STATES: dict[str, tuple[frozenset[Any], frozenset[Any]]] = {
    "suspend": (SUSPENDABLE, ROLLING_BACK),
    "resume": (frozenset({CaseStatus.SUSPENDED}), ROLLING_BACK),
    "cancel": (CANCELLABLE, frozenset()),
    "close": (CLOSABLE, frozenset()),
    "compensation-plan": (ROLLBACK_FROM, frozenset()),
}
_RUN_STATES = {"pause": RunStatus.RUNNING, "resume": RunStatus.PAUSED}
STEP_ACTIONS = ("retry", "reassign", "hand-to-human", "attest", "abandon")
_NEEDS_ATTEMPT = frozenset({"reassign", "attest"})


def case_actions(case: Case, authority: Authority, *, live_run: uuid.UUID | None) -> list[Action]:
    """Return every verb of a case as it stands for this person."""
    return [
        _action(name, authority, _case_denied(case, states, live_run))
        for name, states in _CASE_STATES.items()
    ]


def run_actions(run: CompensationRun, authority: Authority) -> list[Action]:
    """Return every verb of a run as a whole."""
    return [
        _action(name, authority, "" if run.status == status else "wrong_state")
        for name, status in _RUN_STATES.items()
    ]


def step_actions(
    run: CompensationRun, step: CompensationStep, authority: Authority
) -> list[Action]:
    """Return every verb of a step: a failed step of a live run can be decided about."""
    return [_action(name, authority, _step_denied(name, run, step)) for name in STEP_ACTIONS]


def _case_denied(
    case: Case, states: tuple[frozenset[Any], frozenset[Any]], live_run: uuid.UUID | None
) -> str:
    allowed = states[0 if live_run is None else 1]
    if case.status in allowed:
        return ""
    return "wrong_state" if live_run is None or allowed else "run_live"


def _step_denied(name: str, run: CompensationRun, step: CompensationStep) -> str:
    if run.status not in LIVE_RUNS or step.status != StepStatus.FAILED:
        return "wrong_state"
    if name in _NEEDS_ATTEMPT and not _has_attempt(step):
        return "undo_not_begun"
    return ""


def _has_attempt(step: CompensationStep) -> bool:
    """Whether there is an undo to decide about: this step's, or one that failed before the run."""
    if step.compensation_id is not None:
        return True
    original = read(step.original_type, step.original_id)
    return original is not None and original.compensation_state == State.COMPENSATION_FAULTED


def _action(name: str, authority: Authority, denied: str) -> Action:
    if not (authority.is_operator or authority.is_system):
        denied = "not_operator"
    return Action(name, allowed=not denied, reason=denied)
