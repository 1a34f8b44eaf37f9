"""Substitutions as JSON, and the OpenAPI of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from accounts.acting import Authority
from accounts.selectors import people_of
from accounts.substitutions import is_in_force
from ledger.clock import rfc3339
from people.substituting import SUBSTITUTION
from verbs.catalogue import offers_json, offers_of
from verbs.subject import subject_of
from web.schema import ActionSchema


class SubstitutionSchema(serializers.Serializer[Any]):
    """Who stands in for whom, from when until when."""

    id = serializers.UUIDField()
    person = serializers.CharField(help_text="Who is stood in for: a username.")
    substitute = serializers.CharField(help_text="Who stands in: a username.")
    group = serializers.CharField(
        allow_null=True, help_text="For the work of this group alone; null: for all."
    )
    since = serializers.DateTimeField()
    until = serializers.DateTimeField()
    in_force = serializers.BooleanField(help_text="Whether it holds now.")
    created_by = serializers.CharField()
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(
        allow_null=True, help_text="When somebody ended it before its time."
    )
    version = serializers.IntegerField()
    available_actions = ActionSchema(many=True)


def represent(rows: Sequence[Any], authority: Authority) -> list[dict[str, Any]]:
    """Return the shapes of substitutions: one query."""
    named = people_of(
        rows,
        (each for row in rows for each in (row.person_id, row.substitute_id, row.created_by_id)),
    )
    offers = offers_of(subject_of(SUBSTITUTION), rows, authority)
    return [
        {
            "id": str(row.id),
            "person": named[row.person_id].username,
            "substitute": named[row.substitute_id].username,
            "group": row.group_name or None,
            "since": rfc3339(row.since),
            "until": rfc3339(row.until),
            "in_force": is_in_force(row),
            "created_by": named[row.created_by_id].username,
            "created_at": rfc3339(row.created_at),
            "ended_at": None if row.ended_at is None else rfc3339(row.ended_at),
            "version": row.version,
            "available_actions": offers_json(offers[row.id]),
        }
        for row in rows
    ]
