"""The answer of an item, half written: what its assignee filled in so far.

It is nobody's but theirs, and no news: it has no entry and leaves the version as it is. The
database forgets it with whichever verb gives the item to somebody else, puts it back or ends it.
"""

from __future__ import annotations

import uuid
from typing import Annotated, Any

from django.utils.translation import gettext as _

from json_values.limits import PAYLOAD_BYTES
from ledger.clock import now
from ledger.errors import Conflict, NotPermitted, Refusal, check_json
from verbs import catalogue
from verbs.body_size import at_most
from verbs.input import Input
from verbs.operation import operation
from verbs.shell import VerbContext, wrong_state
from verbs.words import denial
from workitems.around.addition_tables import Draft
from workitems.lifecycle import WORKING
from workitems.models import WorkItem

ITEM = WorkItem.subject_type
# Of the assignee alone: a substitute's would take the place of theirs.
_SAVE = operation("draft", WORKING, None, "holder")


class NewDraft(Input):
    """What the fields of the item's answer form hold, by their names; an empty one forgets it."""

    form: Annotated[dict[str, Any], at_most(PAYLOAD_BYTES)]


def _may_save(item: WorkItem, _facts: Any, _body: Any) -> Refusal | None:
    refused = wrong_state(_SAVE, item)
    if refused is None and item.assignee_id is None:
        return Conflict(_("Nobody has it."))
    return refused


@catalogue.verb(
    ITEM, _SAVE, action="", given=NewDraft, state=_may_save, beside=True, page=False,
    no_button="It is a button of the item's answer form, whose text it keeps.",
)  # fmt: skip
def save_draft(item: WorkItem, given: NewDraft, context: VerbContext) -> WorkItem:
    """Keep what was filled in so far."""
    check_json(given.form, "/form")
    of_item: dict[str, Any] = {"tenant_id": item.tenant_id, "item_id": item.id}
    if given.form:
        said = {"form": given.form, "saved_at": now(), "actor_id": context.authority.actor_id}
        Draft.objects.update_or_create(**of_item, defaults=said)
    else:
        Draft.objects.filter(**of_item).delete()
    return item


def drafts_of(tenant_id: Any, item_id: Any, actor_id: uuid.UUID) -> Any:
    """Return the draft that somebody has of an item, or none."""
    return Draft.objects.filter(tenant_id=tenant_id, item_id=item_id, actor_id=actor_id)


def own_draft(item: WorkItem, actor_id: uuid.UUID) -> Draft | None:
    """Return the draft of whoever has the item. Raises NotPermitted for others."""
    if item.assignee_id != actor_id:
        raise NotPermitted(denial("not_assignee"))
    found: Draft | None = drafts_of(item.tenant_id, item.id, actor_id).first()
    return found
