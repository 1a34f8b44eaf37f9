"""The evidence pack over REST."""

from __future__ import annotations

import io
import uuid
from typing import Any

from django.http import FileResponse, HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from typing_extensions import override

from audit.export.evidence import evidence_of
from audit.filters import parse
from ledger.errors import Invalid
from ledger.vocabulary import SUBJECT_TYPES
from web.api import TenantAPIView

ZIP = "application/zip"
#: What is no longer than this is sent in one piece.
AT_ONCE = 1024 * 1024
_ID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


class Export(TenantAPIView):
    """What was recorded about one thing and how it was decided and undone, or about a case and all
    its parts, with its proof."""

    @override
    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[Any, str]:
        """Give it out whatever is asked for: it is what it is."""
        return super().perform_content_negotiation(request, force=True)

    @extend_schema(
        responses={(200, ZIP): OpenApiTypes.BINARY},
        parameters=[
            OpenApiParameter(
                "subject",
                {"type": "string", "pattern": f"^({'|'.join(sorted(SUBJECT_TYPES))}):{_ID}$"},
                description="`<type>:<id>`, with its undo, its rollback, and who approved them;"
                " this or `case`.",
            ),
            OpenApiParameter("case", uuid.UUID, description="A case and all its parts."),
        ],
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Read the evidence pack: a zip with entries, tiles, checkpoint, keys and `verify.py`.

        409 `too_much` above 30,000 entries: ask for the parts.
        """
        given = {name: request.GET[name] for name in ("subject", "case") if name in request.GET}
        asked = parse(given)
        subject = None
        if asked.subject_type is not None and asked.subject_id is not None:
            subject = (asked.subject_type, asked.subject_id)
        if (subject is None) == (asked.case_id is None):
            raise Invalid.field(
                "subject", "subject: either <type>:<id> or a case.", code="required"
            )
        tenant_id = self.acting_user.tenant_id
        pack = evidence_of(tenant_id, subject=subject, case_id=asked.case_id)
        name = f"evidence-{subject[1] if subject else asked.case_id}.zip"
        if pack.seek(0, io.SEEK_END) > AT_ONCE:
            pack.seek(0)
            return FileResponse(pack, as_attachment=True, filename=name, content_type=ZIP)
        with pack:
            pack.seek(0)
            headers = {"Content-Disposition": f'attachment; filename="{name}"'}
            return HttpResponse(pack.read(), content_type=ZIP, headers=headers)
