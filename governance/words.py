"""Words of approvals."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from governance.lifecycle import ApprovalStatus
from verbs import words
from verbs.words import ActionWords as A
from verbs.words import Text, VerbWords

_ACTIONS = {
    "requested": A(_("Approval asked for"), _("%(who)s asked for approval of %(what)s"), "undo"),
    "step_granted": A(_("Step approved"), _("%(who)s approved a step of %(what)s"), "undo"),
    "granted": A(_("Approved"), _("%(who)s approved %(what)s"), "done"),
    "refused": A(_("Approval refused"), _("%(who)s refused %(what)s"), "bad"),
    "expired": A(_("Approval expired"), _("Nobody approved %(what)s in time"), "bad"),
    "superseded": A(
        _("Approval out of date"), _("%(what)s was out of date when %(who)s came to it"), "bad"
    ),
    "withdrawn": A(_("Approval withdrawn"), _("%(who)s withdrew %(what)s")),
}
_LOOKS = {
    "PENDING": ("clock", "wait"),
    "GRANTED": ("badge-check", "done"),
    "REFUSED": ("ban", "bad"),
    "EXPIRED": ("hourglass", "bad"),
    "SUPERSEDED": ("history", "bad"),
    "WITHDRAWN": ("x", "wait"),
}
_WHY = (_("Reason"), _("It stands beside your decision, and stays on record."))
_VERBS = {
    "approve": VerbWords(
        _("Approve"), _("Approved."), "check", "primary",
        intro=_("When the last step is approved, what was asked for happens at once."),
        submit=_("Approve"), fields={"reason": _WHY},
    ),
    "reject": VerbWords(
        _("Refuse"), _("Refused. Nothing was done."), "ban", "danger",
        intro=_("What was asked for will not happen. Whoever asked reads why."),
        submit=_("Refuse"), fields={"reason": _WHY},
    ),
    "withdraw": VerbWords(
        _("Withdraw"), _("Withdrawn. Nothing was done."), "x",
        intro=_("Nobody needs to decide about it any more."),
        submit=_("Withdraw"), fields={"reason": _WHY},
    ),
}  # fmt: skip
DENIED: dict[str, Text] = {
    "own_request": _("you asked for it; somebody else has to agree"),
    "not_approver": _("only those who approve this may"),
    "not_requester": _("only who asked for it may"),
    "not_your_turn": _("a step before yours has to be decided first"),
    "already_decided": _("you have decided a step of it; another person decides the next"),
    "approval_expired": _("the time to decide it is over"),
    "approval_pending": _("an approval of it waits already"),
}
#: What a page says once a step was approved, by what became of it.
APPROVED: dict[str, Text] = {
    "PENDING": _("Your step is approved. The next one waits now."),
    "GRANTED": _("Approved. What was asked for has happened."),
    "SUPERSEDED": _("It is out of date: something has changed since. Nothing was done."),
}


def register() -> None:
    """Register the words of approvals."""
    words.register_subject_words("approval", _("approval"))
    words.register_actions("approval", _ACTIONS)
    words.register_states("approval", ApprovalStatus, _LOOKS)
    words.register_verbs("approval", _VERBS)
    words.register_denials(DENIED)
