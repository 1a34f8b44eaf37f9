"""Words of work items: their verbs, what is recorded, how statuses look, why one may not."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from compensation.words import UNDO_ACTIONS, UNDO_LOOKS, UNDO_VERBS
from verbs import words
from verbs.words import ActionWords as A
from verbs.words import VerbWords as V
from workitems.lifecycle import Kind, Status

_ACTIONS = {
    "created": A(_("Opened"), _("%(what)s opened by %(who)s")),
    "edited": A(_("Changed"), _("%(what)s changed by %(who)s")),
    "claimed": A(_("Taken"), _("%(what)s taken by %(who)s")),
    "released": A(_("Put back"), _("%(what)s put back by %(who)s")),
    "assigned": A(_("Given to somebody"), _("%(what)s given to somebody by %(who)s")),
    "started": A(_("Started"), _("%(what)s started by %(who)s")),
    "stopped": A(_("Paused"), _("%(what)s paused by %(who)s")),
    "completed": A(_("Completed"), _("%(what)s completed by %(who)s"), "done"),
    "rejected": A(_("Rejected"), _("%(what)s rejected by %(who)s"), "bad"),
    "cancelled": A(_("Cancelled"), _("%(what)s cancelled by %(who)s")),
    **UNDO_ACTIONS,
}
_REASON = {"reason": (_("Reason"), "")}
_VERBS = {
    "start": V(_("Start"), _("Started. It is yours."), "play", "primary"),
    "claim": V(_("Take it"), _("It is yours now."), "user-plus"),
    "stop": V(_("Pause"), _("Paused."), "pause"),
    "release": V(_("Give back"), _("Given back."), "inbox"),
    "assign": V(
        _("Give to someone"), _("Given to someone."), "users",
        intro=_("It appears in that person's inbox at once."), submit=_("Give it"),
        fields={"assignee": (_("Give it to"), _("A username."))},
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


def register() -> None:
    """Register the words of work items."""
    words.register_subject_words("work_item", _("task"))
    words.register_actions("work_item", _ACTIONS)
    words.register_verbs("work_item", _VERBS)
    words.register_states("work_item", Status, _LOOKS)
    words.register_states("kind", Kind, _KIND_LOOKS)
    words.register_denials(
        {
            "not_candidate": _("it is meant for others"),
            "not_assignee": _("only who it is assigned to may"),
        }
    )
