"""A file that is sent as browsers and the usual libraries send one, read as the same JSON body.

`multipart/form-data` with one `file` is `{name, content_type, content}`, its bytes in Base64: so
everything after it (the bounds, the Idempotency-Key, the verb) sees one kind of body.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from typing import IO, Any

from django.core.exceptions import SuspiciousOperation
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from rest_framework.parsers import BaseParser
from typing_extensions import override

from accounts.errors import MalformedBody
from web.parsers import bound_of, read_bounded


class InMemory(MemoryFileUploadHandler):
    """Keeps a file in memory: whoever reads one has bounded the whole body before."""

    @override
    def handle_raw_input(self, *args: Any, **kwargs: Any) -> None:
        """Take it, whatever its length."""
        self.activated = True


class UploadParser(BaseParser):
    """Reads `multipart/form-data`. Longer than the view's `largest_body`: 413."""

    media_type = "multipart/form-data"

    @override
    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the body as JSON would have said it; other fields as they are."""
        request = (parser_context or {})["request"]
        body = read_bounded(stream, bound_of(parser_context))
        meta = {**request.META, "CONTENT_LENGTH": len(body)}
        try:
            fields, files = MultiPartParser(meta, io.BytesIO(body), [InMemory()], "utf-8").parse()
        except (MultiPartParserError, SuspiciousOperation) as error:
            raise MalformedBody(f"The body is no form: {error}.") from None
        return {**fields.dict(), **body_of(files.get("file"))}


def body_of(file: Any) -> dict[str, str]:
    """Return a file as JSON would have said it; nothing for none."""
    if file is None:
        return {}
    content = base64.b64encode(file.read()).decode("ascii")
    return {"name": file.name, "content_type": file.content_type or "", "content": content}
