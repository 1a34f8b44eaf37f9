"""What is put around an item, read over the API; the verbs that add and remove it are beside it."""

from __future__ import annotations

import uuid
from typing import Any, ClassVar

from django.http import HttpResponse
from django.urls import URLPattern, path
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from typing_extensions import override

from web.api import TenantAPIView
from web.parsers import StrictJSONParser
from web.schema import page_schema
from web.upload_parser import UploadParser
from web.verb_api import view_of
from workitems import selectors
from workitems.api.around_json import (
    SCHEMAS,
    DraftSchema,
    WorkProgressSchema,
    draft_json,
    represent,
    represent_progress,
)
from workitems.around import around_reading
from workitems.around.addition_kinds import KINDS, Kind
from workitems.around.additions import REMOVE
from workitems.around.around_reading import listed
from workitems.around.download import as_download
from workitems.around.drafts import own_draft
from workitems.around.files import type_names


class AdditionsView(TenantAPIView):
    """All of a kind that an item has."""

    paginated = True
    kind: ClassVar[Kind]

    def listed(self, id_: uuid.UUID) -> Response:
        """Answer with a page of them, newest first."""
        kind, tenant_id = type(self).kind, self.acting_user.tenant_id
        selectors.get_bare(tenant_id, id_)
        return self.page(listed(kind, tenant_id, id_), lambda rows: represent(kind, rows))


def _list_of(kind: Kind) -> type[AdditionsView]:
    schema = SCHEMAS[kind.one]

    def get(self: AdditionsView, request: Request, id: uuid.UUID) -> Response:  # noqa: ARG001  -- DRF's
        return self.listed(id)

    get.__doc__ = f"List its {kind.many}, newest first."
    described = extend_schema(
        responses=page_schema(schema, f"{schema.__name__.removesuffix('Schema')}Page"),
        description=get.__doc__,
    )
    members: dict[str, Any] = {
        "kind": kind,
        "get": described(get),
        "__doc__": f"The {kind.many} of a work item.",
    }
    return type(f"WorkItem{kind.many.title()}", (AdditionsView,), members)


class ItemProgress(TenantAPIView):
    """How far a work item is."""

    @extend_schema(responses=WorkProgressSchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Read it, in each dimension."""
        tenant_id = self.acting_user.tenant_id
        item = selectors.get_bare(tenant_id, id)
        return self.detail(represent_progress(tenant_id, id), version=item.version)


class ItemDraft(TenantAPIView):
    """What the caller has filled in of a work item's answer."""

    @extend_schema(responses=DraftSchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:
        """Read it. Only who the item is assigned to may, and it is theirs alone."""
        item = selectors.get_bare(self.acting_user.tenant_id, id)
        # It changes without the item: the item's version says nothing about it.
        return Response(draft_json(own_draft(item, self.acting_user.actor_id)))


class AttachmentContent(TenantAPIView):
    """The bytes of a file."""

    @override
    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[Any, str]:
        """Give them out whatever is asked for: they are what they are."""
        return super().perform_content_negotiation(request, force=True)

    @extend_schema(responses={(200, name): OpenApiTypes.BINARY for name in sorted(type_names())})
    def get(self, request: Request, id: uuid.UUID, attachment: uuid.UUID) -> HttpResponse:
        """Read them, to be saved and never shown."""
        tenant_id = self.acting_user.tenant_id
        return as_download(around_reading.attachment(tenant_id, id, attachment))


#: The views that read, by their place below an item.
LISTS: dict[str, type[TenantAPIView]] = {
    **{kind.many: _list_of(kind) for kind in KINDS},
    "progress": ItemProgress,
    "draft": ItemDraft,
}
_attachments: Any = LISTS["attachments"]
_attachments.parser_classes = [StrictJSONParser, UploadParser]


def addition_paths() -> list[URLPattern]:
    """Return the addresses of single additions, at which they are removed."""
    return [
        path(
            f"work-items/<uuid:id>/{kind.many}/<uuid:{kind.one}>",
            view_of(f"work_item_{kind.one}_detail", [REMOVE[kind.one]]).as_view(),
            name=kind.one,
        )
        for kind in KINDS
    ] + [
        path(
            "work-items/<uuid:id>/attachments/<uuid:attachment>/content",
            AttachmentContent.as_view(),
            name="attachment-content",
        )
    ]
