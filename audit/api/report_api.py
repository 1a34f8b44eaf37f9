"""The compliance report over REST. Every member may read it, as they may the ledger."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpResponse
from django.template.loader import render_to_string
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from audit.compliance.citations import citations
from audit.compliance.report import Report, report_of
from audit.compliance.report_csv import as_csv
from audit.compliance.report_filter import report_filter
from ledger.entry_signatures import VERDICTS
from ledger.errors import Invalid
from web.api import TenantAPIView
from web.schema import page_schema

_FORMATS: Final = ("json", "csv", "html")
_MOMENT: Final = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d"}


class ReportLineSchema(serializers.Serializer[Any]):
    """What happened once, as a report tells it."""

    entry = serializers.UUIDField()
    hash = serializers.CharField()
    tree_index = serializers.IntegerField(allow_null=True, help_text="Null before it is sealed.")
    proof = serializers.ListField(
        child=serializers.CharField(), allow_null=True,
        help_text="Base64: from `hash` to the root of `checkpoint` (RFC 9162 §2.1.3).",
    )  # fmt: skip
    at = serializers.DateTimeField()
    what = serializers.ChoiceField(
        choices=["approval", "attestation", "decision", "erasure", "refusal", "reversal"]
    )
    action = serializers.CharField()
    label = serializers.CharField()  # type: ignore[assignment]  # a member of the answer
    subject = serializers.DictField()
    to = serializers.CharField(allow_null=True)
    actor = serializers.CharField(allow_null=True, help_text="A username; a token once erased.")
    actor_type = serializers.CharField()
    actor_role = serializers.CharField()
    on_behalf_of = serializers.CharField(allow_null=True)
    outcome = serializers.CharField(allow_null=True)
    reason = serializers.CharField(allow_null=True)
    evidence = serializers.CharField(allow_null=True)
    regulatory_basis = serializers.ListField(child=serializers.DictField())
    mode = serializers.CharField(allow_null=True)
    strategy = serializers.CharField(allow_null=True)
    run = serializers.UUIDField(allow_null=True)
    original = serializers.DictField(allow_null=True)
    residual_effect = serializers.CharField(allow_null=True)
    refusal = serializers.DictField(allow_null=True)
    error = serializers.CharField(allow_null=True)
    signature = serializers.ChoiceField(
        choices=sorted(VERDICTS), help_text="What the entry's signatures are worth now."
    )
    erased = serializers.ListField(child=serializers.CharField())
    erased_under = serializers.UUIDField(
        allow_null=True, help_text="The receipt of what is erased, if anything is."
    )
    erased_because = serializers.CharField(
        allow_null=True, help_text="`GDPR_17`: a person was erased. `RETENTION`: by its age."
    )


class CheckpointSchema(serializers.Serializer[Any]):
    """The tree that proves the lines: its size, and the signed note of it."""

    size = serializers.IntegerField()
    note = serializers.CharField()


_PAGE: Any = page_schema(ReportLineSchema, "ReportPage")
_ANSWER: Any = type(
    "Report",
    (_PAGE,),
    {
        "__doc__": "A page of a report: as things happened, oldest first.",
        "about": serializers.DictField(),
        "checkpoint": CheckpointSchema(allow_null=True),
        "citations": serializers.ListField(child=serializers.DictField()),
    },
)
_PARAMETERS: Final = [
    OpenApiParameter(
        "subject", str, description="Of this thing, `<type>:<id>`, or of all of a type."
    ),
    OpenApiParameter("case", OpenApiTypes.UUID, description="Of a case and all its parts."),
    OpenApiParameter(
        "actor", str, description="Of what this member did, or had done: a username or a token."
    ),
    OpenApiParameter("since", _MOMENT, description="From this moment, or this day (UTC), on."),
    OpenApiParameter("until", _MOMENT, description="Up to this moment, or day, and without it."),
    OpenApiParameter("format", enum=sorted(_FORMATS), default="json"),
]


class ComplianceReport(TenantAPIView):
    """What was decided, by whom and on which basis, and what was taken back and why."""

    paginated = True

    @override
    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[Any, str]:
        """Give out the format that is asked for in the address, whatever is accepted."""
        return super().perform_content_negotiation(request, force=True)

    @extend_schema(
        responses={
            (200, "application/json"): _ANSWER,
            (200, "text/csv"): OpenApiTypes.STR,
            (200, "text/html"): OpenApiTypes.STR,
        },
        parameters=_PARAMETERS,
    )
    def get(self, request: Request) -> Response | HttpResponse:
        """Return one page; where there is another, `Link` says where, in every format."""
        how = request.GET.get("format", "json")
        if how not in _FORMATS:
            raise Invalid.field("format", f"format: one of {', '.join(sorted(_FORMATS))}.")
        report = report_of(request, self.acting_user.tenant_id, report_filter(request.GET))
        links = self.links(report.page)
        if how == "json":
            return Response({**links, **report.to_json()})
        answer = _csv(report) if how == "csv" else _html(report)
        said = [f'<{url}>; rel="{rel}"' for rel, url in links.items() if url is not None]
        if said:
            answer.headers["Link"] = ", ".join(said)
        return answer


def _csv(report: Report) -> HttpResponse:
    return HttpResponse(
        as_csv(
            report.lines,
            checkpoint_size=None if report.checkpoint is None else report.checkpoint.size,
        ),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="report.csv"'},
    )


def _html(report: Report) -> HttpResponse:
    context = {
        "about": report.about, "lines": report.lines, "citations": citations(),
        "checkpoint": report.checkpoint,
    }  # fmt: skip
    return HttpResponse(render_to_string("audit/report_print.html", context))
