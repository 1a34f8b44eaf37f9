"""A file as an answer: saved by whoever asked for it, never run or drawn as a page of ours."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.http import content_disposition_header

from workitems.around.addition_tables import Attachment
from workitems.around.files import stored


def as_download(row: Attachment) -> HttpResponse:
    """Return the bytes of a file. Raises Conflict where they are not those that were attached."""
    disposition = content_disposition_header(True, row.name)  # noqa: FBT003  -- Django's
    return HttpResponse(
        stored(row),
        content_type=row.content_type,
        headers={
            "Content-Disposition": disposition or "attachment",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "Cache-Control": "private, no-store",
        },
    )
