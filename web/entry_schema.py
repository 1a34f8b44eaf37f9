"""The public shape of a ledger entry, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from typing_extensions import override

from ledger.vocabulary import KINDS, SUBJECT_TYPES


class SubjectSchema(serializers.Serializer[Any]):
    """What an entry is about."""

    type = serializers.ChoiceField(choices=sorted(SUBJECT_TYPES))
    id = serializers.UUIDField()


class EntryLinkSchema(serializers.Serializer[Any]):
    """A link to an entry that cannot be re-pointed."""

    id = serializers.UUIDField()
    hash = serializers.CharField(help_text="SHA-256, hexadecimal.")


class EntrySchema(serializers.Serializer[Any]):
    """One entry of the ledger."""

    id = serializers.UUIDField()
    subject = SubjectSchema()
    subject_seq = serializers.IntegerField()
    subject_version = serializers.IntegerField()
    kind = serializers.ChoiceField(choices=sorted(KINDS))
    action = serializers.CharField()
    to = serializers.CharField(allow_null=True)
    actor = serializers.CharField(allow_null=True)
    actor_type = serializers.CharField()
    actor_role = serializers.CharField()
    on_behalf_of = serializers.CharField(allow_null=True)
    reason = serializers.CharField(allow_null=True)
    caused_by = EntryLinkSchema(allow_null=True)
    original = EntryLinkSchema(allow_null=True)
    compensation = serializers.DictField(allow_null=True)
    correlation_id = serializers.UUIDField()
    case = serializers.UUIDField(allow_null=True)
    completion_seq = serializers.IntegerField(allow_null=True)
    at = serializers.DateTimeField()
    hash = serializers.CharField()
    previous_hash = serializers.CharField(allow_null=True)
    tree_index = serializers.IntegerField(allow_null=True)
    payloads = serializers.DictField(help_text="What can be erased, by name.")
    erased = serializers.ListField(child=serializers.CharField())

    @override
    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Return the fields; `from` is a word of Python and cannot be declared above."""
        fields: dict[str, serializers.Field[Any, Any, Any, Any]] = dict(super().get_fields())
        fields["from"] = serializers.CharField(allow_null=True)
        return fields
