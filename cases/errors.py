"""Refusals of the cases verbs."""

from __future__ import annotations

import uuid

from ledger.errors import Conflict, Stale


class DefinitionExists(Conflict):
    """That version is deployed already, with other content."""

    default_code = "definition_exists"
    default_detail = "That version is deployed with other content; raise the version."


class CaseClosed(Conflict):
    """A closed case is never rolled back."""

    default_code = "case_closed"
    default_detail = "The case is closed; nothing of it can be undone any more."


class AlreadyCompensated(Conflict):
    """There is nothing left to undo."""

    default_code = "already_compensated"
    default_detail = "It has already been undone."


class NothingToUndo(Conflict):
    """The plan has no step and no open work would be called off."""

    default_code = "nothing_to_undo"
    default_detail = "The plan has no step; its exclusions say why."


class PlanExpired(Stale):
    """A plan is good for 15 minutes."""

    default_code = "plan_expired"
    default_detail = "The plan has expired. Preview again."


class PlanStale(Stale):
    """What would be undone now is not what was previewed."""

    default_code = "plan_stale"
    default_detail = "What would be undone has changed since the preview. Preview again."


class RunLive(Conflict):
    """One rollback at a time."""

    default_code = "run_live"
    default_detail = "A rollback is under way; wait for it or repair it first."

    def __init__(self, run_id: uuid.UUID) -> None:
        super().__init__(extra={"run": str(run_id)})


class UndoNotBegun(Conflict):
    """The undo of a step could not even begin: there is no attempt to hand on or to attest."""

    default_code = "undo_not_begun"
    default_detail = (
        "The undo of this step could not begin. Retry it, hand it to a person, or abandon it."
    )
