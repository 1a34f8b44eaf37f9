"""Keys by which members sign as JSON, and the OpenAPI of them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from accounts.acting import Authority
from accounts.selectors import people_of
from ledger.clock import rfc3339
from people.key_verbs import KEY
from verbs.catalogue import offers_json, offers_of
from verbs.subject import subject_of
from web.schema import ActionSchema


class KeySchema(serializers.Serializer[Any]):
    """A public key by which a member signs entries."""

    id = serializers.UUIDField()
    member = serializers.CharField(help_text="Whose it is: a username.")
    name = serializers.CharField()
    public_key = serializers.CharField(help_text="Base64 of the 32 bytes (Ed25519, RFC 8032).")
    created_at = serializers.DateTimeField()
    retired_at = serializers.DateTimeField(
        allow_null=True, help_text="Nothing is signed with it any more."
    )
    compromised_since = serializers.DateTimeField(
        allow_null=True, help_text="What was signed from this moment on is suspect."
    )
    version = serializers.IntegerField()
    available_actions = ActionSchema(many=True)


def represent_keys(rows: Sequence[Any], authority: Authority) -> list[dict[str, Any]]:
    """Return the shapes of keys: one query."""
    named = people_of(rows, (row.actor_id for row in rows))
    offers = offers_of(subject_of(KEY), rows, authority)
    return [
        {
            "id": str(row.id),
            "member": named[row.actor_id].username,
            "name": row.name,
            "public_key": base64.b64encode(bytes(row.public_key)).decode(),
            "created_at": rfc3339(row.created_at),
            "retired_at": _moment(row.retired_at),
            "compromised_since": _moment(row.compromised_since),
            "version": row.version,
            "available_actions": offers_json(offers[row.id]),
        }
        for row in rows
    ]


def _moment(at: Any) -> str | None:
    return None if at is None else rfc3339(at)
