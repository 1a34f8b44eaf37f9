"""Schedules over the API: reading them; what is done to them is the catalogue's."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django.urls import URLPattern
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.acting import Authority
from accounts.selectors import people_of
from executions.api.execution_json import Schema, members, moment
from verbs.catalogue import offers_json, offers_of
from verbs.subject import subject_of
from web.api import TenantAPIView
from web.schema import ActionSchema, page_schema
from web.verb_api import verb_paths
from workitems.actions.item_templates import made_from
from workitems.api.item_json import MadeFromSchema
from workitems.schedules.schedule_reading import live_schedule, live_schedules
from workitems.schedules.schedule_saving import SCHEDULE


class ScheduleSchema(Schema):
    """When items are made of a template."""

    id = serializers.UUIDField()
    name = serializers.CharField()
    template = MadeFromSchema()
    cron = serializers.CharField()
    zone = serializers.CharField()
    values = serializers.DictField(help_text="What its items say instead of the template.")
    active = serializers.BooleanField()
    next_at = serializers.DateTimeField(allow_null=True, help_text="Null: it rests, or has ended.")
    last_at = serializers.DateTimeField(allow_null=True, help_text="The moment that came last.")
    last_item = serializers.UUIDField(allow_null=True)
    last_problem = serializers.CharField(allow_null=True, help_text="Why that moment made nothing.")
    version = serializers.IntegerField()
    created_by = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    ended_at = serializers.DateTimeField(allow_null=True)
    available_actions = ActionSchema(many=True)


def represent_schedules(rows: Sequence[Any], authority: Authority) -> list[dict[str, Any]]:
    """Return the shapes of schedules, read with their templates: one query."""
    named = people_of(rows, (row.created_by_id for row in rows))
    offers = offers_of(subject_of(SCHEDULE), rows, authority)
    return [
        members(
            ScheduleSchema,
            row,
            {
                "id": str(row.id),
                "template": made_from(row.template),
                "next_at": moment(row.due_at) if row.active and row.ended_at is None else None,
                "last_at": moment(row.last_at),
                "last_item": None if row.last_item_id is None else str(row.last_item_id),
                "last_problem": row.last_problem or None,
                "created_by": named[row.created_by_id].username
                if row.created_by_id in named
                else None,
                "created_at": moment(row.created_at),
                "ended_at": moment(row.ended_at),
                "available_actions": offers_json(offers[row.id]),
            },
        )
        for row in rows
    ]


class Schedules(TenantAPIView):
    """The schedules of the tenant that have not ended."""

    paginated = True

    @extend_schema(responses=page_schema(ScheduleSchema, "SchedulePage"))
    def get(self, request: Request) -> Response:
        """List them, newest first."""
        rows = live_schedules(self.acting_user.tenant_id)
        return self.page(rows, lambda page: represent_schedules(page, self.authority))


class ScheduleDetail(TenantAPIView):
    """One schedule."""

    @extend_schema(responses=ScheduleSchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Read it."""
        row = live_schedule(self.acting_user.tenant_id, id)
        [shape] = represent_schedules([row], self.authority)
        return self.detail(shape, version=row.version)


def schedule_paths() -> list[URLPattern]:
    """Return the addresses of schedules."""
    return verb_paths(SCHEDULE, collection=Schedules, detail=ScheduleDetail)
