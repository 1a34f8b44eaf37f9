"""Definitions as people write them: YAML text, handed to the verb as it came."""

from __future__ import annotations

from collections.abc import Mapping
from typing import IO, Any

from rest_framework.parsers import BaseParser
from typing_extensions import override

from accounts.errors import MalformedBody
from web.parsers import StrictJSONParser, read_bounded


class YamlText(BaseParser):
    """Reads `application/yaml` as text; the compiler parses it and names lines."""

    media_type = "application/yaml"

    @override
    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the text. Raises MalformedBody when it is not UTF-8 or holds NUL."""
        try:
            text = read_bounded(stream).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise MalformedBody(
                f"The body is not UTF-8: {error.reason}.", code="malformed_request"
            ) from None
        if "\x00" in text:
            raise MalformedBody("The body contains NUL.", code="malformed_request")
        return text


class YamlTextX(YamlText):
    """The older name."""

    media_type = "application/x-yaml"


class YamlTextPlain(YamlText):
    """The oldest name."""

    media_type = "text/yaml"


PARSERS = [YamlText, YamlTextX, YamlTextPlain, StrictJSONParser]
