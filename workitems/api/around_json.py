"""What is put around an item as JSON, and the OpenAPI of it. People are usernames."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from rest_framework import serializers

from accounts.acting import Authority
from accounts.selectors import Person
from executions.api.execution_json import Schema, members, moment
from verbs.subject import ResultShape
from workitems.around.addition_kinds import KINDS, Kind
from workitems.around.around_reading import authors_of


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


SCHEMAS: Mapping[str, type[AdditionSchema]] = {
    "note": NoteSchema,
    "label": LabelSchema,
    "link": LinkSchema,
    "relation": RelationSchema,
}


def represent(kind: Kind, rows: Sequence[Any]) -> list[dict[str, Any]]:
    """Return the shapes of some of a kind: one query."""
    named = authors_of(rows)
    return [members(SCHEMAS[kind.one], row, _own(row, named)) for row in rows]


def _own(row: Any, named: Mapping[uuid.UUID, Person]) -> dict[str, Any]:
    author = named.get(row.created_by_id)
    target = {"type": row.target_type, "id": str(row.target_id)} if _relates(row) else None
    return {
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
RESULTS = {kind.one: _result(kind) for kind in KINDS}
