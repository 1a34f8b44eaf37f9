"""How undoing goes, as JSON."""

from __future__ import annotations

import dataclasses
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cases.undo_figures import (
    MOST_ATTEMPTS,
    MOST_DAYS,
    MOST_LINES,
    USUAL_DAYS,
    check_reader,
    days_of,
    undo_figures,
)
from ledger.clock import rfc3339
from web.api import TenantAPIView


class UndoFiguresLineSchema(serializers.Serializer[Any]):
    """One step of a definition; outside any case the kind of work, without a definition."""

    definition = serializers.CharField(allow_null=True, help_text="namespace/name")
    step = serializers.CharField()
    undos = serializers.IntegerField(help_text="How many were begun.")
    attempts = serializers.IntegerField()
    done = serializers.IntegerField()
    failed = serializers.IntegerField()
    uncertain = serializers.IntegerField()
    attested = serializers.IntegerField()
    abandoned = serializers.IntegerField()
    withdrawn = serializers.IntegerField()
    open = serializers.IntegerField()
    median = serializers.FloatField(allow_null=True, help_text="Seconds, of those done.")
    longest = serializers.FloatField(allow_null=True, help_text="Seconds, of those done.")


class UndoFiguresSchema(serializers.Serializer[Any]):
    """How often, how long, and how much of it failed."""

    days = serializers.IntegerField()
    counted_since = serializers.DateTimeField(
        allow_null=True,
        help_text=f"Of more than {MOST_ATTEMPTS:,} attempts only the newest are counted, from this"
        " moment on. Null where all of the period are.",
    )
    more_lines = serializers.BooleanField(
        help_text=f"Whether there are more than these {MOST_LINES}, with fewer attempts."
    )
    results = UndoFiguresLineSchema(many=True)


class UndoFiguresView(TenantAPIView):
    """How undoing went lately, by definition and step."""

    @extend_schema(
        responses=UndoFiguresSchema,
        parameters=[
            OpenApiParameter(
                "days",
                {"type": "integer", "minimum": 1, "maximum": MOST_DAYS, "default": USUAL_DAYS},
                description=f"The last 1 to {MOST_DAYS} days; {USUAL_DAYS} unless said.",
            )
        ],
    )
    def get(self, request: Request) -> Response:
        """Read the figures."""
        check_reader(self.authority)
        days = days_of(request.query_params)
        found = undo_figures(self.acting_user.tenant_id, days)
        lines = [
            {**dataclasses.asdict(each), "definition": each.definition or None}
            for each in found.lines
        ]
        since = None if found.since is None else rfc3339(found.since)
        return Response(
            {
                "days": days, "counted_since": since, "more_lines": found.more_lines,
                "results": lines,
            }
        )  # fmt: skip
