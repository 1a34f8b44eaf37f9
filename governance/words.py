"""Words of approvals and policies."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from governance.lifecycle import ApprovalStatus, Effect, OnStale, Severity
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
    "not_policy_admin": _("only a tenant admin may change policies"),
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


_POLICIES = {
    "policy_added": A(_("Policy added"), _("Policy added by %(who)s")),
    "policy_changed": A(_("Policy changed"), _("Policy changed by %(who)s")),
    "policy_ended": A(_("Policy ended"), _("Policy ended by %(who)s")),
    "rollback_denied": A(
        _("Rollback refused"), _("%(who)s asked for a rollback, and a policy refused it"), "bad"
    ),
    "execution_denied": A(
        _("Automatic step refused"), _("An automatic step asked for by %(who)s was refused"), "bad"
    ),
}
_SAYS: dict[str, tuple[Text, Text]] = {
    "name": (_("What it is called"), ""),
    "priority": (_("Asked as number"), _("The lowest is asked first.")),
    "when": (
        _("When"),
        _('In jq, of what is asked for: .risk == "high" and .operation == "undo".'),
    ),
    "effect": (_("Then"), ""),
    "reason": (_("Why"), _("Whoever is refused, or has to wait, reads it.")),
    "severity": (_("How much it matters"), ""),
    "approvers": (
        _("Who agrees, step by step"),
        _('As JSON: [{"users": ["ann"]}, {"roles": ["approver"]}]. Empty: one approver.'),
    ),
    "change": (
        _("What is run instead"),
        _("An expression in jq that gives an object with input, mode or both."),
    ),
    "on_stale": (_("If the state has changed when it is run"), ""),
    "second_factor": (_("With a second factor"), _("Refused while nobody can sign in with one.")),
}  # fmt: skip
_POLICY_VERBS = {
    "create": VerbWords(
        _("Add a policy"), _("The policy is in force."), "scale", fields=_SAYS,
    ),
    "edit": VerbWords(
        _("Change it"), _("The policy is changed."), "pencil", fields=_SAYS, submit=_("Save"),
    ),
    "end": VerbWords(
        _("End it"), _("Ended. Nothing is asked of it any more."), "x", "danger",
        intro=_("It decides nothing any more. What it has decided stays on record."),
        submit=_("End it"),
    ),
}  # fmt: skip


def register() -> None:
    """Register the words of approvals and policies."""
    words.register_actions("tenant", _POLICIES)
    words.register_verbs("policy", _POLICY_VERBS)
    for name, choices in (("effect", Effect), ("severity", Severity), ("on_stale", OnStale)):
        words.register_choices(name, {each.value: each.label for each in choices})
    words.register_subject_words("approval", _("approval"))
    words.register_actions("approval", _ACTIONS)
    words.register_states("approval", ApprovalStatus, _LOOKS)
    words.register_verbs("approval", _VERBS)
    words.register_denials(DENIED)
