"""Words of work items: their verbs, what is recorded, how statuses look, why one may not."""

from __future__ import annotations

import datetime as dt

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from compensation.words import UNDO_ACTIONS, UNDO_LOOKS, UNDO_VERBS, outcome_label
from verbs import words
from verbs.words import ActionWords as A
from verbs.words import VerbWords as V
from workitems.delegations import ACCEPTED, DECLINED, ENDED
from workitems.derivation import COMPENSATE, CORRECT, KEEP
from workitems.lifecycle import Kind, Status
from workitems.models import WorkItem

_ACTIONS = {
    "created": A(_("Opened"), _("%(what)s opened by %(who)s")),
    "edited": A(_("Changed"), _("%(what)s changed by %(who)s")),
    "claimed": A(_("Taken"), _("%(what)s taken by %(who)s")),
    "claim_refused": A(_("Not to be taken"), _("%(what)s could not be taken by %(who)s"), "bad"),
    "released": A(_("Put back"), _("%(what)s put back by %(who)s")),
    "assigned": A(_("Given to somebody"), _("%(what)s given to somebody by %(who)s")),
    "started": A(_("Started"), _("%(what)s started by %(who)s")),
    "stopped": A(_("Paused"), _("%(what)s paused by %(who)s")),
    "completed": A(_("Completed"), _("%(what)s completed by %(who)s"), "done"),
    "delegated": A(_("Handed on"), _("%(what)s handed on by %(who)s")),
    "delegation_accepted": A(_("Taken over"), _("%(what)s taken over by %(who)s")),
    "delegation_declined": A(_("Not taken over"), _("%(what)s not taken over by %(who)s")),
    "forwarded": A(_("Forwarded"), _("%(what)s forwarded by %(who)s")),
    "suspended": A(_("Put on hold"), _("%(what)s put on hold by %(who)s")),
    "resumed": A(_("Goes on"), _("%(what)s let go on by %(who)s")),
    "extended": A(_("Given another time"), _("%(what)s given another time by %(who)s")),
    "deadline_missed": A(_("Deadline missed"), _("Deadline of %(what)s missed"), "bad"),
    "deadline_extended": A(_("Given more time"), _("%(what)s given more time")),
    "deadline_reassigned": A(_("Passed on"), _("%(what)s passed on: its deadline was missed")),
    "expired": A(_("Expired"), _("%(what)s expired"), "bad"),
    "escalated": A(_("Escalated"), _("%(what)s escalated"), "bad"),
    "failed": A(_("Failed"), _("%(what)s given up as failed by %(who)s"), "bad"),
    "skipped": A(_("Left out"), _("%(what)s left out by %(who)s")),
    "rejected": A(_("Rejected"), _("%(what)s rejected by %(who)s"), "bad"),
    "cancelled": A(_("Cancelled"), _("%(what)s cancelled by %(who)s")),
    "tainted": A(_("To be looked at again"), _("What %(what)s was made of was undone"), "bad"),
    "review_decided": A(_("To be undone"), _("%(what)s ended with an undo, asked for by %(who)s")),
    "event_not_followed": A(
        _("Not undone by an event"), _("%(what)s not undone, although an event asks for it"), "bad"
    ),
    "event_filter_failed": A(
        _("Event not understood"), _("Whether an event concerns %(what)s is not clear"), "bad"
    ),
    "group_met": A(_("Enough are done"), _("Enough of several done, with %(what)s"), "done"),
    "group_missed": A(
        _("Cannot be met any more"), _("Too few of several are left, without %(what)s"), "bad"
    ),
    **UNDO_ACTIONS,
}
_REASON = {"reason": (_("Reason"), "")}
_WHY = {"reason": (_("Why"), "")}
_VERBS = {
    "start": V(_("Start"), _("Started. It is yours."), "play", "primary"),
    "claim": V(_("Take it"), _("It is yours now."), "user-plus"),
    "stop": V(_("Pause"), _("Paused."), "pause"),
    "release": V(_("Give back"), _("Given back."), "inbox"),
    "assign": V(
        _("Give to someone"), _("Given to someone."), "users",
        intro=_("It then waits in that person's inbox."), submit=_("Give it"),
        fields={"assignee": (_("Give it to"), _("A username."))},
    ),
    "delegate": V(
        _("Hand on"), _("Handed on. Whoever you named is asked."), "user-plus",
        intro=_("Whoever you name is asked to take it over. Until they answer nobody works on it;"
                " if they decline, it comes back."),
        submit=_("Hand it on"), fields={"to": (_("Hand it to"), _("A username.")), **_WHY},
    ),
    "accept-delegation": V(_("Take it over"), _("It is yours now."), "check", "primary"),
    "decline-delegation": V(
        _("Do not take it over"), _("It went back."), "x",
        intro=_("It goes back to whoever handed it on."), submit=_("Decline"), fields=_WHY,
    ),
    "forward": V(
        _("Forward"), _("Forwarded."), "arrow-right",
        intro=_("Others may take it instead of those who may now. You give it away."),
        submit=_("Forward it"),
        fields={
            "candidate_users": (_("People who may take it"), ""),
            "candidate_groups": (_("Groups that may take it"), ""),
            **_WHY,
        },
        one_of=("candidate_users", "candidate_groups"),
    ),
    "suspend": V(
        _("Put on hold"), _("On hold."), "clock",
        intro=_("Nobody works on it until it goes on: then it is where it was."),
        submit=_("Put it on hold"),
        fields={"until": (_("Until"), _("Leave it empty to let it go on by hand.")), **_WHY},
    ),
    "resume": V(_("Let it go on"), _("It goes on."), "play", "primary", fields=_WHY, at_once=True),
    "extend": V(
        _("Change when it is due"), _("The time is changed."), "clock",
        submit=_("Change it"), fields={"due_at": (_("Due"), ""), **_WHY},
    ),
    "change-owner": V(
        _("Name who answers for it"), _("Somebody else answers for it now."), "users",
        intro=_("Whoever you name may steer it, and hears when it is late, fails or is undone."),
        submit=_("Name them"), fields={"owner": (_("Who answers for it"), _("A username."))},
    ),
    "fail": V(
        _("It cannot be done"), _("Ended as failed."), "triangle-alert", "danger",
        intro=_("You say that this cannot be done, whoever tries. Its case fails with it."),
        submit=_("Say so"), fields={"detail": (_("What went wrong"), "")},
    ),
    "skip": V(
        _("Leave it out"), _("Left out."), "minus", "danger",
        intro=_("What follows goes on without it."), submit=_("Leave it out"), fields=_REASON,
    ),
    "reject": V(
        _("Reject"), _("Rejected."), "x", "danger",
        intro=_("You refuse this for good. Nobody else will be asked."), submit=_("Reject it"),
        fields=_REASON,
    ),
    "cancel": V(
        _("Cancel the task"), _("Cancelled."), "ban", "danger",
        intro=_("Nobody will do this any more."), submit=_("Cancel the task"), fields=_REASON,
    ),
    **UNDO_VERBS,
}  # fmt: skip
_LOOKS = {
    "PENDING": ("inbox", "wait"),
    "ASSIGNED": ("user", "act"),
    "IN_PROGRESS": ("user", "act"),
    "DELEGATED": ("user-plus", "act"),
    "SUSPENDED": ("pause", "wait"),
    "COMPLETED": ("check", "done"),
    "REJECTED": ("x", "bad"),
    "FAULTED": ("x", "bad"),
    "CANCELLED": ("ban", "wait"),
    "OBSOLETE": ("minus", "wait"),
    "EXPIRED": ("clock", "bad"),
    "ESCALATED": ("triangle-alert", "bad"),
    **UNDO_LOOKS,
}
# Shown beside or instead of a status where the kind of work matters more than its state.
_KIND_LOOKS = {
    "TASK": ("inbox", "wait"),
    "COMPENSATION": ("undo-2", "undo"),
    "REVIEW": ("triangle-alert", "bad"),
}


#: Answers of a review as people read them, and what each means.
REVIEW_ANSWERS = {
    KEEP: _("It stays as it is"),
    CORRECT: _("It was put right"),
    COMPENSATE: _("It is to be undone"),
}
REVIEW_HINTS = {
    KEEP: _("It holds without what was undone."),
    CORRECT: _("You say what you changed."),
    COMPENSATE: _("You say why. Its undo begins at once."),
}
#: What is to be done by a deadline, beside finishing it.
DEADLINES = {
    "claim": _("To be taken"),
    "start": _("To be begun"),
    "follow_up": _("Looked after again"),
}
#: What became of a delegation, by its answer.
DELEGATION_ANSWERS = {
    "": _("no answer yet"),
    ACCEPTED: _("taken over"),
    DECLINED: _("not taken over"),
    ENDED: _("ended without an answer"),
}


def on_hold(until: dt.datetime | None) -> str:
    """Return until when something is on hold, in the reader's language and zone."""
    if until is None:
        return gettext("On hold until somebody lets it go on")
    moment = date_format(timezone.localtime(until), "j F Y, H:i")
    return gettext("On hold until %(moment)s") % {"moment": moment}


def own_label(item: WorkItem, outcome: str | None) -> str:
    """Return how the author of an item calls an outcome, "" where they did not say it."""
    return str(item.outcome_rules.get(outcome or "", {}).get("label", ""))


def said_outcome(item: WorkItem, outcome: str | None) -> str:
    """Return how people call an outcome of an item, "" for none."""
    if label := own_label(item, outcome):
        return label
    own = REVIEW_ANSWERS.get(outcome or "") if item.kind == Kind.REVIEW else None
    return outcome_label(outcome) if own is None else str(own)


_TEMPLATES = {
    "template_added": A(_("Template added"), _("Template added by %(who)s")),
    "template_ended": A(_("Template ended"), _("Template ended by %(who)s")),
    "schedule_added": A(_("Schedule added"), _("Schedule added by %(who)s")),
    "schedule_changed": A(_("Schedule changed"), _("Schedule changed by %(who)s")),
    "schedule_ended": A(_("Schedule ended"), _("Schedule ended by %(who)s")),
    "schedule_failed": A(
        _("Schedule made nothing"), _("A schedule could not make its task"), "bad"
    ),
}
_TEMPLATE_VERBS = {
    "end": V(
        _("End the version"), _("Ended. No task is made of it any more."), "x", "danger",
        intro=_("No task is made of this version any more. Those that were made go on."),
        submit=_("End it"),
    ),
}  # fmt: skip
_SCHEDULE_VERBS = {
    "end": V(
        _("End the schedule"), _("Ended. What it made stays."), "x", "danger",
        intro=_("It makes no more tasks. Those that it made stay as they are."),
        submit=_("End it"),
    ),
}  # fmt: skip


def register() -> None:
    """Register the words of work items, and of what happens to templates and schedules."""
    words.register_actions("tenant", _TEMPLATES)
    words.register_subject_words("work_item", _("task"))
    words.register_verbs("schedule", _SCHEDULE_VERBS)
    words.register_verbs("work_item_template", _TEMPLATE_VERBS)
    words.register_actions("work_item", _ACTIONS)
    words.register_verbs("work_item", _VERBS)
    words.register_states("work_item", Status, _LOOKS)
    words.register_states("kind", Kind, _KIND_LOOKS)
    words.register_denials(
        {
            "not_candidate": _("it is meant for others"),
            "excluded": _("you are excluded from it"),
            "has_another": _("you decide about another instance of it"),
            "skills_missing": _("you lack a skill that it asks for"),
            "not_delegatee": _("only who is asked to take it over may"),
            "not_skippable": _("nobody said that it may be left out"),
            "delegated_too_often": _("it was handed on too often"),
            "not_keeper": _("only who keeps it may"),
            "not_owner": _("only who answers for it, or an operator, may name another owner"),
            "not_assignee": _("only who it is assigned to may"),
        }
    )
