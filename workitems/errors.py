"""Refusals of the work item verbs. Codes are public (DESIGN §5)."""

from __future__ import annotations

from ledger.errors import Conflict


class IllegalState(Conflict):
    """The item's status does not allow the operation."""

    default_code = "illegal_state"


class NotCompensable(Conflict):
    """A compensating item is not compensated; open a new item instead."""

    default_code = "not_compensable"
    default_detail = "An undo task cannot itself be undone. Open a new work item instead."


class AlreadyCompensated(Conflict):
    """It has been undone."""

    default_code = "already_compensated"
    default_detail = "It has already been undone."


class WindowClosed(Conflict):
    """The time in which it could be undone is over."""

    default_code = "window_closed"


class Irreversible(Conflict):
    """It is declared irreversible: only a forward correction is possible."""

    default_code = "irreversible"
    default_detail = "It is declared irreversible. Only strategy `correct` is possible."


class CaseClosed(Conflict):
    """The item's case is closed: nothing of it is undone any more."""

    default_code = "case_closed"
    default_detail = "Its case is closed. Nothing of it can be undone any more."


class RunLive(Conflict):
    """A compensation run is live in the item's case."""

    default_code = "run_live"
    default_detail = "A rollback of its case is under way. Wait for it, or repair its step."


class ManagedByRun(Conflict):
    """The undo belongs to a run and is repaired through the run's step."""

    default_code = "managed_by_run"
    default_detail = "This undo belongs to a rollback. Decide on it there."


class UndoStarted(Conflict):
    """Too late to withdraw."""

    default_code = "undo_started"
    default_detail = "The undo has already started and can no longer be withdrawn."
