"""Where the results of a piece of work, a case, a batch or a rollback come from, as W3C PROV.

Every member may read it, as they may the ledger that it is made of.
"""

from __future__ import annotations

import uuid
from typing import Any

from django.http import HttpResponse
from django.urls import URLPattern, path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from typing_extensions import override

from audit.provenance.prov_formats import FORMATS, SUBJECTS, provenance_of, written
from ledger.errors import Invalid
from verbs.subject import known
from web.api import TenantAPIView

_FORMAT = OpenApiParameter(
    "format",
    enum=sorted(FORMATS),
    default="json",
    description="PROV-JSON, PROV-N (`n`) or PROV-JSONLD (`jsonld`).",
)
_ANSWERS: Any = {
    (200, FORMATS["json"].media_type): OpenApiTypes.OBJECT,
    (200, FORMATS["jsonld"].media_type): OpenApiTypes.OBJECT,
    (200, FORMATS["n"].media_type): OpenApiTypes.STR,
}


class Provenance(TenantAPIView):
    """What came of it, through what and whom, what of that was undone, and why."""

    subject_type = ""

    @override
    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[Any, str]:
        """Give out the format that is asked for in the address, whatever is accepted."""
        return super().perform_content_negotiation(request, force=True)

    @extend_schema(responses=_ANSWERS, parameters=[_FORMAT])
    def get(self, request: Request, id: uuid.UUID) -> HttpResponse:
        """Return the document, made from the ledger as it is now."""
        asked = request.GET.get("format", "json")
        how = FORMATS.get(asked)
        if how is None:
            raise Invalid.field("format", f"format: one of {', '.join(sorted(FORMATS))}.")
        document = provenance_of(self.acting_user.tenant_id, (self.subject_type, id))
        name = f"{self.subject_type}-{id}.{how.ending}"
        return HttpResponse(
            written(document, how),
            content_type=how.media_type,
            headers={
                "Content-Disposition": f'inline; filename="{name}"',
                "X-Content-Type-Options": "nosniff",
            },
        )


def provenance_paths() -> list[URLPattern]:
    """Return the address of the document of each kind of thing whose app is installed."""
    found = [each for type_ in SUBJECTS if (each := known(type_)) is not None and each.route]
    return [
        path(
            f"{each.route}/provenance",
            _view_of(each.subject_type).as_view(),
            name=f"{each.subject_type}-provenance",
        )
        for each in found
    ]


def _view_of(type_: str) -> type[Provenance]:
    """Return a view of its own for each kind, so that the description calls them differently."""
    named = {"subject_type": type_, "__doc__": Provenance.__doc__, "__module__": __name__}
    return type(f"{type_.title().replace('_', '')}Provenance", (Provenance,), named)
