"""What people are told whose page was older than what it is about: who changed it, how and when."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Collection

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.acting import ActingUser
from accounts.selectors import people
from ledger import vocabulary
from ledger.selectors import Entry, all_entries, open_entries
from ledger.tenancy import tenant_scope
from verbs.words import action_words
from web.etag import NO_SUCH_VERSION
from web.timeline import who_of

#: Of so many changes it is said what they were.
NAMED = 3
_UNKNOWN = gettext_lazy(
    "Somebody changed this while you looked at it. You see it now as it is; what you typed is still"
    " here."
)


@dataclasses.dataclass(frozen=True, slots=True)
class Changed:
    """What happened since a page was made, as a sentence; `own`: by its reader alone, in another
    tab or window."""

    sentence: str
    own: bool = False


def changed_since(who: ActingUser, id_: uuid.UUID, versions: Collection[int] | None) -> Changed:
    """Return what happened to something after the version that a form was made of. What is recorded
    of a step is recorded of its run, whose version it is.

    Opens the tenant's scope: it is asked after a verb was refused.
    """
    seen = min(versions or {NO_SUCH_VERSION})
    if seen == NO_SUCH_VERSION:
        return Changed(str(_UNKNOWN))
    with tenant_scope(who.tenant_id):
        later = all_entries(who.tenant_id).filter(
            subject_type__in=sorted(vocabulary.SUBJECT_TYPES),
            subject_id=id_,
            subject_version__gt=seen,
        )
        found = open_entries(later.order_by("subject_seq")[: NAMED + 1])
        named = people(who.tenant_id, [entry.actor_id for entry in found])
    if not found:
        return Changed(str(_UNKNOWN))
    said = {"what": _told(found), "when": _moment(found[-1])}
    if {entry.actor_id for entry in found} == {who.actor_id}:
        text = _("You changed this yourself, in another tab or window, on %(when)s: %(what)s. You"
                 " see it now as it is; nothing of what you typed here was saved.")  # fmt: skip
        return Changed(text % said, own=True)
    others = dict.fromkeys(
        who_of(entry.actor_id, named) for entry in found if entry.actor_id != who.actor_id
    )
    text = _("%(who)s changed this while you looked at it, on %(when)s: %(what)s. You see it now as"
             " it is; what you typed is still here.")  # fmt: skip
    return Changed(text % {**said, "who": ", ".join(others)})


def _told(found: Collection[Entry]) -> str:
    """Return what the changes were called, the first ones."""
    labels = dict.fromkeys(
        str(action_words(entry.subject_type, entry.action).label).lower() for entry in found
    )
    return ", ".join([*labels][:NAMED])


def _moment(entry: Entry) -> str:
    return date_format(timezone.localtime(entry.at), "j F H:i")
