"""Words of cases: what is recorded, how statuses look, and sentences about plans. No reads."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from cases.fault_words import fault_sentence
from cases.lifecycle import ArrivalStatus, CaseStatus, MilestoneStatus, PlanItemStatus
from compensation.sentences import title_of
from compensation.words import UNDO_LOOKS
from verbs import words
from verbs.words import ActionWords as A
from verbs.words import VerbWords

_ACTIONS = {
    "opened": A(_("Opened"), _("%(what)s opened by %(who)s")),
    "context_changed": A(_("Result taken in"), _("%(what)s took in a result")),
    "signalled": A(_("Signal"), _("%(who)s sent a signal to %(what)s"), "", title_of),
    "event_arrived": A(_("Event"), _("An event has come for %(what)s"), "", str),
    "event_filter_failed": A(
        _("Event not understood"), _("Nobody can tell whether an event was for %(what)s"), "bad"
    ),
    "event_not_kept": A(
        _("Event not kept"), _("So much waits for %(what)s that an event was not kept"), "bad"
    ),
    "moment_came": A(_("By schedule"), _("A step of %(what)s is due by schedule"), "", title_of),
    "sub_case_opened": A(_("Sub-case opened"), _("%(what)s opened a sub-case")),
    "sub_case_completed": A(_("Sub-case done"), _("A sub-case of %(what)s is done"), "done"),
    "sub_case_failed": A(_("Sub-case failed"), _("A sub-case of %(what)s failed"), "bad"),
    "sub_case_cancelled": A(_("Sub-case cancelled"), _("A sub-case of %(what)s was cancelled")),
    "group_met": A(_("Enough are done"), _("Enough sub-cases of %(what)s are done"), "done"),
    "nothing_to_undo": A(
        _("Nothing to undo"), _("Nothing of %(what)s was there to undo"), "", title_of
    ),
    "suspended": A(_("Put on hold"), _("%(what)s put on hold by %(who)s")),
    "resumed": A(_("Resumed"), _("%(what)s resumed by %(who)s")),
    "retried": A(_("Tried again"), _("%(what)s tried again by %(who)s")),
    "completed": A(_("Completed"), _("%(what)s completed"), "done"),
    "cancelled": A(_("Cancelled"), _("%(what)s cancelled by %(who)s")),
    "closed": A(_("Closed"), _("%(what)s closed by %(who)s")),
    "faulted": A(_("Failed"), _("%(what)s failed"), "bad", fault_sentence),
    "failure_held": A(
        _("Failed on hold"), _("%(what)s has failed, and is on hold"), "bad", fault_sentence
    ),
    "milestone_activated": A(_("Milestone looked for"), _("%(what)s looks for a milestone")),
    "milestone_reached": A(
        _("Milestone reached"), _("%(what)s has reached a milestone"), "done", title_of
    ),
    "milestone_overdue": A(
        _("Milestone overdue"), _("%(what)s has not reached a milestone in time"), "bad", title_of
    ),
    "rollback_started": A(_("Rollback begun"), _("Rollback of %(what)s begun by %(who)s"), "undo"),
    "rollback_settled": A(_("Rollback ended"), _("Rollback of %(what)s ended"), "done"),
    "engine_stopped": A(_("Stopped"), _("%(what)s cannot go on by itself"), "bad"),
    "engine_revived": A(_("Tried again"), _("%(who)s let %(what)s try again")),
    "engine_resumed": A(_("Goes on"), _("%(what)s goes on"), "done"),
    "compensation_faulted": A(
        _("Rollback needs a decision"), _("Rollback of %(what)s needs a decision"), "bad"
    ),
    "compensation_resumed": A(_("Rollback goes on"), _("Rollback of %(what)s goes on"), "undo"),
    "compensation_refused": A(
        _("Not undone by itself"), _("Rollback of %(what)s did not begin by itself"), "bad"
    ),
}
_DEPLOYED = A(_("Definition deployed"), _("Definition deployed by %(who)s"))
_LOOKS = {
    "RUNNING": ("play", "act"),
    "SUSPENDED": ("pause", "wait"),
    "COMPLETED": ("check", "done"),
    "FAULTED": ("x", "bad"),
    "CANCELLED": ("ban", "wait"),
    **UNDO_LOOKS,
    "PARTIALLY_COMPENSATED": ("triangle-alert", "bad"),
    "CLOSED": ("lock", "wait"),
}
_ITEM_LOOKS = {
    **{status: _LOOKS[status] for status in ("SUSPENDED", "COMPLETED", "FAULTED", "CANCELLED")},
    "PENDING": ("clock", "wait"),
    "ACTIVE": ("play", "act"),
    "REJECTED": ("x", "bad"),
    "OBSOLETE": ("minus", "wait"),
}
_MILESTONE_LOOKS = {
    "AHEAD": ("clock", "wait"),
    "ACTIVE": ("play", "act"),
    "OVERDUE": ("triangle-alert", "bad"),
    "REACHED": ("check", "done"),
}

_ARRIVAL_LOOKS = {
    "WAITING": ("clock", "wait"),
    "TAKEN": ("check", "done"),
    "PASSED_OVER": ("minus", "wait"),
}

_VERBS = {
    "compensation-plan": VerbWords(_("Roll back…"), tone="undo"),
    "suspend": VerbWords(_("Pause"), _("The case is on hold."), at_once=True),
    "resume": VerbWords(_("Go on"), _("The case is not on hold any more.")),
    "retry": VerbWords(_("Try again"), _("What failed is tried again."), "refresh-cw", "primary"),
    "signal": VerbWords(
        _("Send a signal…"),
        _("The signal is sent."),
        title=_("Send a signal"),
        submit=_("Send it"),
        fields={
            "name": (_("Signal"), ""),
            "data": (_("What it says"), _("JSON, such as a text in quotes; may be empty")),
        },
    ),
    "cancel": VerbWords(
        _("Cancel…"),
        _("The case is cancelled."),
        title=_("Cancel this case"),
        warning=_(
            "Open tasks and programs that have not begun are cancelled. What is done stays done;"
            " roll the case back to undo it."
        ),
        submit=_("Cancel the case"),
    ),
    "close": VerbWords(
        _("Close…"),
        _("The case is closed."),
        title=_("Close this case"),
        warning=_("Nothing of a closed case can be undone any more. This is final."),
        submit=_("Close the case"),
    ),
}
_DENIED = {"parent_on_hold": _("the case above it is on hold")}


def register() -> None:
    """Register the words of cases and of what happens to a tenant's definitions."""
    words.register_subject_words("case", _("case"))
    words.register_actions("case", _ACTIONS)
    words.register_actions("tenant", {"definition_deployed": _DEPLOYED})
    words.register_verbs("case", _VERBS)
    words.register_denials(_DENIED)
    words.register_states("case", CaseStatus, _LOOKS)
    words.register_states("plan_item", PlanItemStatus, _ITEM_LOOKS)
    words.register_states("arrival", ArrivalStatus, _ARRIVAL_LOOKS)
    words.register_states("milestone", MilestoneStatus, _MILESTONE_LOOKS)
