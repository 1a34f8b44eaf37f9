"""From what is around an item to what its page shows. Runs in the tenant's scope."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.acting import Authority
from verbs.shell import Verb
from verbs.subject import Description, Ref
from verbs.words import denial
from web.values import phrase
from web.verb_pages import Refused, form_on_page, said_of
from workitems.around.addition_kinds import KINDS, Kind
from workitems.around.addition_tables import Addition, Attachment, Link, Relation
from workitems.around.additions import ADD
from workitems.around.around_reading import Around, may_remove, other_end
from workitems.around.attach_form import AttachForm
from workitems.selectors import Shown

#: How many of each are shown: all, where the query says so.
ALL = "around"


_HEADINGS = {
    "note": _("Notes"),
    "label": _("Labels"),
    "link": _("Links"),
    "relation": _("Related"),
    "attachment": _("Files"),
}
#: How the item stands to the other, and how the other stands to it.
RELATED = {
    "PART_OF": (_("Part of"), _("Has as a part")),
    "BLOCKS": (_("Blocks"), _("Blocked by")),
    "RELATES_TO": (_("Has to do with"), _("Has to do with")),
    "DUPLICATES": (_("Says the same as"), _("Says the same as")),
    "DERIVED_FROM": (_("Made from"), _("Led to")),
}
_ENFORCED = {
    "BLOCKS": (_("Has to end before"), _("Waits for the end of")),
    "PART_OF": (_("Part of, and has to end before"), _("Waits for the end of its part")),
}
Links = Mapping[Ref, Description]


def sections(
    found: Around,
    shown: Shown,
    authority: Authority,
    *,
    links: Links,
    refused: Refused | None = None,
) -> list[dict[str, Any]]:
    """Return `around` of workitems/around.html. `shown` knows who added something, `links` what
    it is related to."""
    return [
        {
            "one": kind.one,
            "heading": _HEADINGS[kind.one],
            "rows": [_row(kind, row, shown, authority, links) for row in found.of(kind)],
            "all_url": f"?{ALL}=all" if kind.one in found.more else "",
            "add": _adding(ADD[kind.one], shown, authority, refused),
        }
        for kind in KINDS
    ]


def _adding(
    verb: Verb[Any], shown: Shown, authority: Authority, refused: Refused | None
) -> dict[str, Any]:
    """Return how one adds to a section, or why not; with the form that was `refused`, if it was."""
    said, denied = said_of(verb), verb.denied(shown.item, authority, None)
    broken = refused.form if refused is not None and refused.verb == verb else None
    return {
        "label": said.label,
        "submit_label": said.submit,
        "url": reverse(f"workitems:{verb.name}", args=[shown.item.id]),
        "form": broken or (AttachForm() if verb.name == "attach" else form_on_page(verb)),
        "open": broken is not None,
        "allowed": not denied,
        "reason": denial(denied) if denied else "",
    }


def _row(
    kind: Kind, row: Addition, shown: Shown, authority: Authority, links: Links
) -> dict[str, Any]:
    # A relation that another item has to this one is removed where it was made.
    own = row.item_id == shown.item.id and may_remove(row, kind, authority)
    said = _related(row, shown, links) if isinstance(row, Relation) else {"text": str(row)}
    return {
        "url": _address(row),
        **said,
        "by": phrase("%(name)s", name=shown.name(row.created_by_id, authority.actor_id)),
        "at": row.created_at,
        "remove_url": reverse(f"workitems:{kind.one}-remove", args=[row.item_id, row.id])
        if own
        else "",
    }


def _address(row: Addition) -> str:
    if isinstance(row, Attachment):
        return reverse("workitems:attachment", args=[row.item_id, row.id])
    return row.url if isinstance(row, Link) else ""


def _related(row: Relation, shown: Shown, links: Links) -> dict[str, Any]:
    incoming = row.item_id != shown.item.id
    type_, id_ = other_end(row, shown.item.id)
    other, words = links[type_, id_], (_ENFORCED if row.enforced else RELATED)[row.type]
    return {
        "words": words[incoming],
        "text": other.title,
        "url": other.url,
        "status": other.status,
        "kind": type_,
    }


def forms_of(around: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return all on the page that is sent somewhere."""
    return [each["add"] for each in around]
