"""The shape of a ledger entry, for the OpenAPI document."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from typing_extensions import override

from ledger.vocabulary import ACTIONS, ACTOR_TYPES, KINDS, SUBJECT_TYPES


class EntrySubjectSchema(serializers.Serializer[Any]):
    """What the entry is about."""

    type = serializers.ChoiceField(choices=sorted(SUBJECT_TYPES))
    id = serializers.UUIDField()


class EntryLinkSchema(serializers.Serializer[Any]):
    """A link to an entry that cannot be re-pointed: id and hash."""

    id = serializers.UUIDField()
    hash = serializers.CharField(help_text="SHA-256 in hexadecimal digits.")


class EntrySchema(serializers.Serializer[Any]):
    """One immutable record. Payloads are shown as stored; `erased` names those that are gone."""

    id = serializers.UUIDField()
    subject = EntrySubjectSchema()
    subject_seq = serializers.IntegerField(help_text="Gapless within the subject, from 1.")
    subject_version = serializers.IntegerField(help_text="The subject's version after it.")
    kind = serializers.ChoiceField(choices=sorted(KINDS))
    action = serializers.ChoiceField(choices=sorted(ACTIONS))
    to = serializers.CharField(allow_null=True)
    actor = serializers.CharField()
    actor_type = serializers.ChoiceField(choices=sorted(ACTOR_TYPES))
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
    payloads = serializers.DictField()
    erased = serializers.ListField(child=serializers.CharField())

    @override
    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Return the fields; `from` is a word of Python's and cannot be an attribute."""
        return {**super().get_fields(), "from": serializers.CharField(allow_null=True)}
