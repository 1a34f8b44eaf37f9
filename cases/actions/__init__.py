"""The cases verbs: the only way a case changes. Each is declared in the catalogue."""

from __future__ import annotations

from cases.actions.deploy import (
    check_apart,
    check_definition,
    deploy_definition,
    warnings_of,
)
from cases.actions.hold import cancel_case, close_case, resume_case, retry_case, suspend_case
from cases.actions.open import fault_of_opening, open_case
from cases.actions.signals import signal_case

__all__ = [
    "cancel_case",
    "check_apart",
    "check_definition",
    "close_case",
    "deploy_definition",
    "fault_of_opening",
    "open_case",
    "resume_case",
    "retry_case",
    "signal_case",
    "suspend_case",
    "warnings_of",
]
