"""Refusals about undoing. Codes are public (DESIGN §5, §6)."""

from __future__ import annotations

import uuid

from django.utils.translation import gettext_lazy

from ledger.errors import Conflict, Stale


class NotCompensable(Conflict):
    """A compensating item is not compensated; open a new item instead."""

    default_code = "not_compensable"
    default_detail = gettext_lazy(
        "An undo task cannot itself be undone. Open a new work item instead."
    )


class AlreadyCompensated(Conflict):
    """It has been undone."""

    default_code = "already_compensated"
    default_detail = gettext_lazy("It has already been undone.")


class WindowClosed(Conflict):
    """The time in which it could be undone is over."""

    default_code = "window_closed"


class Irreversible(Conflict):
    """It is declared irreversible: only a forward correction is possible."""

    default_code = "irreversible"
    default_detail = gettext_lazy(
        "It is declared irreversible. Only strategy `correct` is possible."
    )


class CaseClosed(Conflict):
    """What it belongs to is closed: nothing of it is undone any more."""

    default_code = "case_closed"
    default_detail = gettext_lazy("The case is closed; nothing of it can be undone any more.")


class RunLive(Conflict):
    """One rollback at a time."""

    default_code = "run_live"
    default_detail = gettext_lazy("A rollback is under way; wait for it or repair its step.")

    def __init__(self, run_id: uuid.UUID, current_status: str = "") -> None:
        status = {"current_status": current_status} if current_status else {}
        super().__init__(extra={**status, "run": str(run_id)})


class ManagedByRun(Conflict):
    """The undo belongs to a run and is decided about at the run's step."""

    default_code = "managed_by_run"
    default_detail = gettext_lazy("This undo belongs to a rollback. Decide on it there.")


class UndoStarted(Conflict):
    """Too late to withdraw."""

    default_code = "undo_started"
    default_detail = gettext_lazy("The undo has already started and can no longer be withdrawn.")


class UndoNotBegun(Conflict):
    """The undo of a step could not even begin: there is no attempt to hand on or to attest."""

    default_code = "undo_not_begun"
    default_detail = gettext_lazy(
        "The undo of this step could not begin. Retry it, hand it to a person, or abandon it."
    )


class ApprovalRequired(Conflict):
    """What begins by itself asks nobody; where others have to agree, a person asks for it."""

    default_code = "approval_required"
    default_detail = gettext_lazy("It needs approval: it begins once somebody has asked for it.")


class NothingToUndo(Conflict):
    """The plan has no step and no open work would be called off."""

    default_code = "nothing_to_undo"
    default_detail = gettext_lazy("The plan has no step; its exclusions say why.")


class PlanExpired(Stale):
    """A plan is good for 15 minutes."""

    default_code = "plan_expired"
    default_detail = gettext_lazy("The plan has expired. Preview again.")


class PlanStale(Stale):
    """What would be undone now is not what was previewed."""

    default_code = "plan_stale"
    default_detail = gettext_lazy(
        "What would be undone has changed since the preview. Preview again."
    )
