"""What is put around an item as JSON, and the OpenAPI of it. People are usernames."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from rest_framework import serializers

from accounts.acting import Authority
from accounts.selectors import Person, people
from executions.api.execution_json import Schema, members, moment
from verbs.subject import ResultShape
from web.verb_api import API_ROOT
from workitems.around.addition_kinds import KINDS, Kind
from workitems.around.addition_tables import Draft
from workitems.around.around_reading import authors_of
from workitems.around.drafts import own_draft
from workitems.around.progress_reports import progress_of, share_of


class AdditionSchema(Schema):
    """What all of them say."""

    id = serializers.UUIDField()
    created_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    removed_at = serializers.DateTimeField(allow_null=True)


class NoteSchema(AdditionSchema):
    """A note on a work item."""

    text = serializers.CharField()


class LabelSchema(AdditionSchema):
    """A label of a work item."""

    name = serializers.CharField()


class LinkSchema(AdditionSchema):
    """An address elsewhere."""

    url = serializers.CharField()
    title = serializers.CharField(allow_blank=True)


class AttachmentSchema(AdditionSchema):
    """A file attached to a work item."""

    name = serializers.CharField()
    content_type = serializers.CharField()
    size = serializers.IntegerField()
    sha256 = serializers.CharField()
    content = serializers.CharField(help_text="Where its bytes are.")


class RelationTargetSchema(Schema):
    """The other end of a relation."""

    type = serializers.ChoiceField(choices=["work_item", "execution", "case"])
    id = serializers.UUIDField()


class RelationSchema(AdditionSchema):
    """How a work item stands to another thing."""

    type = serializers.ChoiceField(
        choices=["PART_OF", "BLOCKS", "RELATES_TO", "DUPLICATES", "DERIVED_FROM"]
    )
    target = RelationTargetSchema()
    enforced = serializers.BooleanField(
        help_text="Of BLOCKS: the target is neither started nor completed while this item is open."
    )


class ProgressReportSchema(Schema):
    """How far it is in one dimension."""

    shape = serializers.ChoiceField(choices=["percentage", "count", "steps"])
    value = serializers.JSONField()
    percent = serializers.IntegerField(allow_null=True, help_text="Where it is known of how much.")
    reported_by = serializers.CharField(allow_null=True)
    reported_at = serializers.DateTimeField()


class WorkProgressSchema(Schema):
    """How far a work item is, and how far its undo is."""

    forward = ProgressReportSchema(allow_null=True)
    undo = ProgressReportSchema(allow_null=True)


class DraftSchema(Schema):
    """An answer half written; null where there is none."""

    form = serializers.DictField(allow_null=True)
    saved_at = serializers.DateTimeField(allow_null=True)


SCHEMAS: Mapping[str, type[AdditionSchema]] = {
    "note": NoteSchema,
    "label": LabelSchema,
    "link": LinkSchema,
    "relation": RelationSchema,
    "attachment": AttachmentSchema,
}


def represent(kind: Kind, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Return the shapes of some of a kind: one query."""
    named = authors_of(rows)
    return [members(SCHEMAS[kind.one], row, _own(row, named)) for row in rows]


def _own(row: Any, named: Mapping[uuid.UUID, Person]) -> dict[str, Any]:
    author = named.get(row.created_by_id)
    target = {"type": row.target_type, "id": str(row.target_id)} if _relates(row) else None
    return {
        "content": f"{API_ROOT}work-items/{row.item_id}/attachments/{row.id}/content",
        "target": target,
        "id": str(row.id),
        "created_by": None if author is None else author.username,
        "created_at": moment(row.created_at),
        "removed_at": moment(row.removed_at),
    }


def _relates(row: Any) -> bool:
    return hasattr(row, "target_id")


def _result(kind: Kind) -> ResultShape:
    def shape(row: Any, _authority: Authority) -> dict[str, Any]:
        return represent(kind, [row])[0]

    # What changed is the item: its version is what the answer's ETag names.
    return ResultShape(shape=shape, schema=SCHEMAS[kind.one], tag=lambda row: int(row.item.version))


#: What adding one answers with, and removing one, by kind.
ADDED = {kind.one: _result(kind) for kind in KINDS}


def represent_progress(tenant_id: uuid.UUID, item_id: uuid.UUID) -> dict[str, Any]:
    """Return how far an item is, in each dimension."""
    found = progress_of(tenant_id, item_id)
    named = people(tenant_id, (row.reported_by_id for row in found.values() if row is not None))
    return {dimension: row and _report(row, named) for dimension, row in found.items()}


def _report(row: Any, named: Mapping[uuid.UUID, Person]) -> dict[str, Any]:
    who = named.get(row.reported_by_id)
    return {
        "shape": row.shape,
        "value": row.value,
        "percent": share_of(row),
        "reported_by": None if who is None else who.username,
        "reported_at": moment(row.reported_at),
    }


def draft_json(draft: Draft | None) -> dict[str, Any]:
    """Return a draft, or that there is none."""
    if draft is None:
        return {"form": None, "saved_at": None}
    return {"form": draft.form, "saved_at": moment(draft.saved_at)}


#: What the item's verbs about what is around it answer with.
RESULTS = {
    **{kind.verb: ADDED[kind.one] for kind in KINDS},
    "progress": ResultShape(
        shape=lambda item, _authority: represent_progress(item.tenant_id, item.id),
        schema=WorkProgressSchema,
        tag=lambda item: int(item.version),
    ),
    "draft": ResultShape(
        shape=lambda item, authority: draft_json(own_draft(item, authority.actor_id)),
        schema=DraftSchema,
        tag=lambda _item: None,
    ),
}
