"""Words of requests of other organisations."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from compensation.lifecycle import RequestStatus
from verbs import words
from verbs.words import ActionWords as A
from verbs.words import VerbWords

_ACTIONS = {
    "requested": A(_("Undo asked for from outside"), _("%(what)s: asked for"), "undo"),
    "approved": A(_("Request approved"), _("%(who)s agreed: %(what)s"), "undo"),
    "refused": A(_("Request refused"), _("%(who)s refused: %(what)s"), "bad"),
    "done": A(_("Request done"), _("%(what)s: done"), "done"),
    "failed": A(_("Request came to nothing"), _("%(what)s: came to nothing"), "bad"),
}
_LOOKS = {
    "PENDING": ("clock", "wait"),
    "APPROVED": ("undo-2", "undo"),
    "REFUSED": ("ban", "bad"),
    "DONE": ("check", "done"),
    "FAILED": ("x", "bad"),
}
_WHY = (_("Reason"), _("It stays here; whoever asked is not told why."))
_VERBS = {
    "approve": VerbWords(
        _("Approve and undo"), _("Approved. The undo has begun."), "undo-2", "undo",
        warning=_(
            "It is undone as if one of you had asked for it: a rollback begins at once, in your"
            " name."
        ),
        submit=_("Undo it"), fields={"reason": _WHY},
    ),
    "reject": VerbWords(
        _("Refuse"), _("Refused. Nothing was undone."), "ban", "danger",
        intro=_("Nothing is undone. Whoever asks learns that, and nothing else."),
        submit=_("Refuse"), fields={"reason": _WHY},
    ),
}  # fmt: skip


def register() -> None:
    """Register the words of requests."""
    words.register_subject_words("compensation_request", _("request from outside"))
    words.register_actions("compensation_request", _ACTIONS)
    words.register_states("compensation_request", RequestStatus, _LOOKS)
    words.register_verbs("compensation_request", _VERBS)
