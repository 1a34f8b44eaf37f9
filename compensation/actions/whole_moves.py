"""How a whole moves with the run that undoes it: what is the same of a case and of a batch.

`save` is how the whole is saved with its entry (`save_case`, `save_batch`). All functions run in
the run's transaction, with the whole locked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from compensation.lifecycle import CompensationState
from compensation.subject import Cause
from ledger.record import Recorded

#: Saves a whole one version on, after its FSM method, and returns its entry.
Save = Callable[..., Recorded]


def started(save: Save, whole: Any, run: Any, *, cause: Cause) -> Recorded:
    """Turn a whole COMPENSATING, and keep where it was."""
    codes = [item["code"] for item in run.regulatory_basis]
    return save(
        whole, "rollback_started", cause=cause, step=whole.start_rollback,
        also={"prior_status": str(whole.status)}, payloads={"reason": run.reason},
        compensation={"run": str(run.id), "regulatory_basis": codes},
    )  # fmt: skip


def faulted(save: Save, whole: Any, run: Any, step: Any, *, cause: Cause) -> None:
    """A step of its run failed: the whole says so too, until somebody decides."""
    if whole.status == CompensationState.COMPENSATING:
        save(
            whole, "compensation_faulted", cause=cause, step=whole.stop_rollback,
            payloads={"step": step.original_name, "error": step.error},
            compensation={"run": str(run.id), "step": step.n},
        )  # fmt: skip


def goes_on(save: Save, whole: Any, run: Any, *, cause: Cause) -> None:
    """Somebody decided: the whole is COMPENSATING again."""
    if whole.status == CompensationState.COMPENSATION_FAULTED:
        save(
            whole, "compensation_resumed", cause=cause, step=whole.continue_rollback,
            compensation={"run": str(run.id)},
        )  # fmt: skip
