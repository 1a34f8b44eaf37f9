"""Words of what is put around an item."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from verbs import words
from verbs.words import ActionWords as A
from verbs.words import VerbWords as V
from workitems.around.addition_kinds import KINDS

_ITEM_ACTIONS = {
    "note_added": A(_("Note written"), _("Note on %(what)s by %(who)s")),
    "note_removed": A(_("Note removed"), _("Note on %(what)s removed by %(who)s")),
    "label_added": A(_("Label put on"), _("Label put on %(what)s by %(who)s")),
    "label_removed": A(_("Label taken off"), _("Label taken off %(what)s by %(who)s")),
    "link_added": A(_("Link added"), _("Link added to %(what)s by %(who)s")),
    "link_removed": A(_("Link removed"), _("Link removed from %(what)s by %(who)s")),
    "attachment_added": A(_("File attached"), _("File attached to %(what)s by %(who)s")),
    "attachment_removed": A(_("File removed"), _("File removed from %(what)s by %(who)s")),
    "progress_reported": A(_("How far it is"), _("%(who)s said how far %(what)s is")),
    "relation_added": A(_("Related"), _("%(what)s related to another by %(who)s")),
    "relation_removed": A(_("No longer related"), _("Relation of %(what)s removed by %(who)s")),
    "spawned": A(_("Parts opened"), _("Parts of %(what)s opened by %(who)s")),
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
    "link": V(
        _("Add a link"), _("The link is there."), "link", submit=_("Add the link"),
        fields={
            "url": (_("Address"), _("It begins with http:// or https://.")),
            "title": (_("What it is called"), ""),
        },
    ),
    "relate": V(
        _("Relate it to another"), _("They are related now."), "git-branch",
        submit=_("Relate them"),
        fields={
            "type": (_("This task"), ""),
            "target": (_("The other"), _("The address of its page here, copied from the browser.")),
            "enforced": (
                _("The other waits: it can be neither started nor completed before this is over"),
                _("Only where this one blocks the other."),
            ),
        },
    ),
    "attach": V(
        _("Attach a file"), _("The file is attached."), "paperclip", submit=_("Attach it"),
    ),
    "spawn": V(_("Open a part"), _("The part is open."), "plus", submit=_("Open the part")),
}  # fmt: skip
_TYPES = {
    "PART_OF": _("is part of the other"),
    "BLOCKS": _("blocks the other"),
    "RELATES_TO": _("has to do with the other"),
    "DUPLICATES": _("says the same as the other"),
    "DERIVED_FROM": _("was made from the other"),
}
_REMOVE = V(_("Remove"), _("Removed."), "x")


def register() -> None:
    """Register them."""
    words.register_actions("work_item", _ITEM_ACTIONS)
    words.register_verbs("work_item", _ITEM_VERBS)
    words.register_choices("type", _TYPES)
    words.register_denials(
        {
            "not_author": _("only whoever added it, or an operator, may"),
            "blocked": _("something else has to end first"),
        }
    )
    for kind in KINDS:
        words.register_verbs(kind.subject_type, {"remove": _REMOVE})
