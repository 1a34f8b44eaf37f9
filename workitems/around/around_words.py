"""Words of what is put around an item."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from verbs import words
from verbs.words import ActionWords as A
from verbs.words import VerbWords as V
from workitems.around.additions import KINDS

_ITEM_ACTIONS = {
    "note_added": A(_("Note written"), _("Note on %(what)s by %(who)s")),
    "note_removed": A(_("Note removed"), _("Note on %(what)s removed by %(who)s")),
    "label_added": A(_("Label put on"), _("Label put on %(what)s by %(who)s")),
    "label_removed": A(_("Label taken off"), _("Label taken off %(what)s by %(who)s")),
}
_ITEM_VERBS = {
    "note": V(
        _("Write a note"), _("Your note is there."), "message-square",
        submit=_("Add the note"), fields={"text": (_("Note"), _("Everybody here can read it."))},
    ),
    "label": V(
        _("Put a label on it"), _("The label is there."), "tag",
        submit=_("Add the label"), fields={"name": (_("Label"), "")},
    ),
}  # fmt: skip
_REMOVE = V(_("Remove"), _("Removed."), "x")


def register() -> None:
    """Register them."""
    words.register_actions("work_item", _ITEM_ACTIONS)
    words.register_verbs("work_item", _ITEM_VERBS)
    words.register_denials({"not_author": _("only whoever added it, or an operator, may")})
    for kind in KINDS:
        words.register_verbs(kind.subject_type, {"remove": _REMOVE})
