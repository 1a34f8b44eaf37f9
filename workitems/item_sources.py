"""Of what an item was made, and what a review is about, for its page."""

from __future__ import annotations

import uuid
from typing import Any

from verbs.subject import Ref
from workitems.lifecycle import Kind
from workitems.models import WorkItem

#: The members of a review's payload that say what it is about, by the kind of that.
_ABOUT = (WorkItem.subject_type, "execution")


def shown_payload(item: WorkItem) -> dict[str, Any]:
    """Return what an item says about itself on its page: of a review what was undone, by its name;
    what it is about is a link."""
    payload = dict(item.payload)
    undone = payload.get("undone")
    if item.kind != Kind.REVIEW:
        return payload
    if isinstance(undone, dict):
        return {"undone": undone.get("title")}
    if isinstance(undone, list) and all(isinstance(each, dict) for each in undone):
        return {"undone": [each.get("title") for each in undone]}
    return payload


def sources_of(item: WorkItem) -> list[Ref]:
    """Return what it was made of; of a review, what that is about, as long as it still says so."""
    made_of = [(each["type"], uuid.UUID(each["id"])) for each in item.derived_from]
    if item.kind != Kind.REVIEW:
        return made_of
    about = next((type_ for type_ in _ABOUT if type_ in item.payload), _ABOUT[0])
    try:
        return [*made_of, (about, uuid.UUID(str(item.payload.get(about))))]
    except ValueError:
        return made_of
