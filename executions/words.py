"""Words of executions and batches: what is recorded about them, and how their statuses look."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from compensation.words import UNDO_ACTIONS, UNDO_LOOKS
from executions.lifecycle import BatchStatus, ExecutionStatus
from verbs import words
from verbs.words import ActionWords as A
from verbs.words import VerbWords

_ACTIONS = {
    "requested": A(_("Requested"), _("%(what)s requested by %(who)s")),
    "approved": A(_("Approved"), _("%(what)s approved by %(who)s"), "done"),
    "rejected": A(_("Refused"), _("%(what)s was not run: it was refused"), "bad"),
    "expired": A(_("Not approved in time"), _("Nobody approved %(what)s in time"), "bad"),
    "superseded": A(_("Out of date"), _("%(what)s was out of date when it was approved"), "bad"),
    "asked_again": A(
        _("To be approved again"), _("%(what)s waits again: the state had changed"), "bad"
    ),
    "revalidated": A(_("Checked again"), _("%(what)s was checked again: the state had changed")),
    "dispatched": A(_("Tried"), _("%(what)s tried")),
    "accepted": A(_("Accepted"), _("%(what)s accepted; its result comes later")),
    "succeeded": A(_("Succeeded"), _("%(what)s succeeded"), "done"),
    "failed": A(_("Failed"), _("%(what)s failed"), "bad"),
    "retried": A(_("Failed for now"), _("%(what)s failed for now and will be tried again"), "bad"),
    "outcome_unknown": A(_("Outcome unclear"), _("Nobody knows whether %(what)s happened"), "bad"),
    "cancelled": A(_("Cancelled"), _("%(what)s cancelled by %(who)s")),
    "tainted": A(_("To be looked at again"), _("What %(what)s was made of was undone"), "bad"),
    "event_not_followed": A(
        _("Not undone"), _("%(what)s was to be undone, and something was in the way"), "bad"
    ),
    "asked_elsewhere": A(_("Asked"), _("The other organisation has been asked: %(what)s"), "undo"),
    "answered_elsewhere": A(
        _("Answered"), _("The other organisation has answered: %(what)s"), "undo"
    ),
    "answered_too_late": A(
        _("Answered too late"),
        _("The other organisation has answered, and nobody waited any more: %(what)s"),
        "bad",
    ),
    **UNDO_ACTIONS,
}
_LOOKS = {
    "PENDING_APPROVAL": ("clock", "wait"),
    "PENDING": ("clock", "wait"),
    "RUNNING": ("bot", "act"),
    "WAITING": ("clock", "wait"),
    "SUCCEEDED": ("check", "done"),
    "FAILED": ("x", "bad"),
    "UNCERTAIN": ("circle-question-mark", "bad"),
    "REJECTED": ("x", "bad"),
    "EXPIRED": ("clock", "bad"),
    "SUPERSEDED": ("minus", "wait"),
    "CANCELLED": ("ban", "wait"),
    **UNDO_LOOKS,
}
_BATCH_ACTIONS = {
    "requested": A(_("Requested"), _("%(what)s requested by %(who)s")),
    "completed": A(_("Completed"), _("%(what)s completed"), "done"),
    "failed": A(_("Failed"), _("%(what)s failed"), "bad"),
    "rollback_started": A(_("Rollback begun"), _("Rollback of %(what)s begun by %(who)s"), "undo"),
    "rollback_settled": A(_("Rollback ended"), _("Rollback of %(what)s ended"), "done"),
    "compensation_faulted": A(
        _("Rollback needs a decision"), _("Rollback of %(what)s needs a decision"), "bad"
    ),
    "compensation_resumed": A(_("Rollback goes on"), _("Rollback of %(what)s goes on"), "undo"),
    "compensation_refused": A(
        _("Not undone by itself"), _("Rollback of %(what)s did not begin by itself"), "bad"
    ),
    "engine_stopped": A(_("Stopped"), _("%(what)s cannot go on by itself"), "bad"),
    "engine_revived": A(_("Tried again"), _("%(who)s let %(what)s try again")),
    "engine_resumed": A(_("Goes on"), _("%(what)s goes on"), "done"),
}
_BATCH_LOOKS = {
    "RUNNING": ("bot", "act"),
    "COMPLETED": ("check", "done"),
    "FAILED": ("x", "bad"),
    **UNDO_LOOKS,
    "PARTIALLY_COMPENSATED": ("circle-slash", "bad"),
}

_WHY = (_("Reason"), _("It stands beside your decision, and stays on record."))
_VERBS = {
    "approve": VerbWords(
        _("Approve"), _("Approved."), "check", "primary",
        intro=_("When the last step is approved, a program runs it at once."), submit=_("Approve"),
        fields={"reason": _WHY},
    ),
    "reject": VerbWords(
        _("Refuse"), _("Refused. Nothing was done."), "ban", "danger",
        intro=_("It will not be run. Whoever asked reads why."), submit=_("Refuse"),
        fields={"reason": _WHY},
    ),
    "cancel": VerbWords(
        _("Call it back"), _("It was called back."), "ban", "danger",
        intro=_("No program has started it yet."), submit=_("Call it back"),
        fields={"reason": (_("Reason"), "")},
    ),
    "outcome": VerbWords(
        _("Say whether it happened"), _("Settled, on your word."), "check",
        submit=_("Settle it"),
        fields={
            "happened": (_("What you found out"), ""),
            "evidence": (
                _("What shows it?"),
                _("Where you looked and what you saw. It stays in the ledger under your name."),
            ),
            "output": (
                _("What it would have answered"),
                _("As JSON, where later steps need it."),
            ),
        },
    ),
}  # fmt: skip
_BATCH_VERBS = {
    "compensation-plan": VerbWords(_("Roll back…"), tone="undo"),
    "retry": VerbWords(
        _("Try again"), _("What stopped it is tried again."), "refresh-cw", "primary"
    ),
}
_HAPPENED = {
    "true": _("Yes, it happened. It counts as done"),
    "false": _("No, it did not happen. It counts as failed"),
}
_DENIED = {
    "not_performer": _("it was given to somebody else"),
}


def register() -> None:
    """Register the words of executions and batches."""
    words.register_subject_words("execution", _("automatic step"))
    words.register_subject_words("batch", _("batch"))
    words.register_actions("execution", _ACTIONS)
    words.register_states("execution", ExecutionStatus, _LOOKS)
    words.register_verbs("execution", _VERBS)
    words.register_choices("happened", _HAPPENED)
    words.register_denials(_DENIED)
    words.register_actions("batch", _BATCH_ACTIONS)
    words.register_states("batch", BatchStatus, _BATCH_LOOKS)
    words.register_verbs("batch", _BATCH_VERBS)
