"""The cases verbs: the only way a case, its plans, runs and steps change.

Each public verb is a durable shell: tenant → lock → permission → version → state → input → change →
ledger → `remember`. Failure anywhere leaves nothing behind.
"""

from __future__ import annotations

from cases.actions.deploying import check_definition, deploy_definition
from cases.actions.executing import execute
from cases.actions.holding import cancel_case, close_case, resume_case, suspend_case
from cases.actions.opening import open_case
from cases.actions.pausing import pause_run, resume_run
from cases.actions.previewing import preview
from cases.actions.repairing import (
    abandon_step,
    attest_step,
    hand_step_to_human,
    reassign_step,
    retry_step,
)

__all__ = [
    "abandon_step",
    "attest_step",
    "cancel_case",
    "check_definition",
    "close_case",
    "deploy_definition",
    "execute",
    "hand_step_to_human",
    "open_case",
    "pause_run",
    "preview",
    "reassign_step",
    "resume_case",
    "resume_run",
    "retry_step",
    "suspend_case",
]
