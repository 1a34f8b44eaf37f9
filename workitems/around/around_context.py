"""From what is around an item to what its page shows. Runs in the tenant's scope."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.acting import Authority
from verbs.shell import Verb
from verbs.words import denial
from web.values import phrase
from web.verb_pages import Refused, form_on_page, said_of
from workitems.around.additions import ADD, KINDS, Kind
from workitems.around.around_reading import Around, may_remove
from workitems.around.tables import Addition
from workitems.selectors import Shown

#: How many of each are shown: all, where the query says so.
ALL = "around"


@dataclasses.dataclass(frozen=True, slots=True)
class _Heads:
    """What a section is called, and how it shows its rows: as texts with their author, or as
    words side by side."""

    heading: str | Promise
    as_words: bool = False


_HEADS = {
    "note": _Heads(_("Notes")),
    "label": _Heads(_("Labels"), as_words=True),
}


def sections(
    found: Around, shown: Shown, authority: Authority, refused: Refused | None = None
) -> list[dict[str, Any]]:
    """Return `around` of workitems/around.html. `shown` knows who added something."""
    return [
        {
            "one": kind.one,
            "heading": _HEADS[kind.one].heading,
            "as_words": _HEADS[kind.one].as_words,
            "rows": [_row(kind, row, shown, authority) for row in found.additions[kind.one]],
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
        "form": broken or form_on_page(verb),
        "open": broken is not None,
        "allowed": not denied,
        "reason": denial(denied) if denied else "",
    }


def _row(kind: Kind, row: Addition, shown: Shown, authority: Authority) -> dict[str, Any]:
    url = reverse(f"workitems:{kind.one}-remove", args=[row.item_id, row.id])
    return {
        "text": str(row),
        "by": phrase("%(name)s", name=shown.name(row.created_by_id, authority.actor_id)),
        "at": row.created_at,
        "remove_url": url if may_remove(row, kind, authority) else "",
    }


def forms_of(around: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return all on the page that is sent somewhere."""
    return [each["add"] for each in around]
