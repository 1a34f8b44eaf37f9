"""What somebody may do with a case, a run or a step now, and why not. For buttons and answers.

The verbs check again, under their locks; this only spares people a refusal. A reason is a code:
not_operator, run_live, wrong_state, undo_not_begun.
"""

from __future__ import annotations

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
from compensation.lifecycle import CompensationState as State
from workitems.permissions import Action

# With no run live in the case.
_CASE_STATES: dict[str, frozenset[Any]] = {
    "suspend": SUSPENDABLE,
    "resume": frozenset({CaseStatus.SUSPENDED}),
    "cancel": CANCELLABLE,
    "close": CLOSABLE,
    # A plan can always be looked at; this is about one that could be executed.
    "compensation-plan": ROLLBACK_FROM,
}
_RUN_STATES = {"pause": RunStatus.RUNNING, "resume": RunStatus.PAUSED}
_HELD_WITH_RUN = {"suspend": "pause", "resume": "resume"}
STEP_ACTIONS = ("retry", "reassign", "hand-to-human", "attest", "abandon")
_NEEDS_ATTEMPT = frozenset({"reassign", "attest"})


def case_actions(case: Case, authority: Authority, *, run_status: str | None) -> list[Action]:
    """Return every verb of a case as it stands for this person.

    `run_status` is that of the run that is live in the case, about all of it or about one item;
    None without one.
    """
    return [_action(name, authority, _case_denied(name, case, run_status)) for name in _CASE_STATES]


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


def _case_denied(name: str, case: Case, run_status: str | None) -> str:
    if case.status in ROLLING_BACK and name in _HELD_WITH_RUN:
        # Its own run, which is held and goes on in its place.
        return "" if run_status == _RUN_STATES[_HELD_WITH_RUN[name]] else "wrong_state"
    if run_status is not None and name != "suspend":
        return "run_live"
    return "" if case.status in _CASE_STATES[name] else "wrong_state"


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
