"""Saved filters as JSON, and the OpenAPI of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from accounts.acting import Authority
from accounts.selectors import people_of
from executions.api.execution_json import Schema, members, moment
from verbs.catalogue import offers_json, offers_of
from verbs.subject import subject_of
from web.schema import ActionSchema
from workitems.finding import filter_table
from workitems.finding.saved_filters import SAVED_FILTER


class SavedFilterSchema(Schema):
    """A filter of work items that somebody keeps."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    filter = serializers.DictField(help_text="As it is sent to `work-items/search`.")
    shared = serializers.BooleanField(help_text="Whether all members see it.")
    owner = serializers.CharField(allow_null=True, help_text="Who keeps it: a username.")
    version = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    available_actions = ActionSchema(many=True)


def represent_filters(rows: Sequence[Any], authority: Authority) -> list[dict[str, Any]]:
    """Return the shapes of saved filters: one query."""
    named = people_of(rows, (row.owner_id for row in rows))
    offers = offers_of(subject_of(SAVED_FILTER), rows, authority)
    return [
        members(
            SavedFilterSchema,
            row,
            {
                "id": str(row.id),
                "filter": filter_table.as_json(row.filter),
                "owner": named[row.owner_id].username if row.owner_id in named else None,
                "created_at": moment(row.created_at),
                "ended_at": moment(row.ended_at),
                "available_actions": offers_json(offers[row.id]),
            },
        )
        for row in rows
    ]
