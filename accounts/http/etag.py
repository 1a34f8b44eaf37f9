"""`ETag`, `If-Match` and `If-None-Match`.

A detail's tag is `"v<version>"`. An action's `If-Match` becomes the verb's `expected_version`; the
verb compares it under the row lock, at its place in the order of checks. So a header that cannot be
right is not refused here but handed on as a version that no row has.
"""

from __future__ import annotations

import re

from django.http import HttpRequest
from rest_framework.request import Request

NO_SUCH_VERSION = -1
_VERSION = re.compile(r'"v(\d{1,9})"')
_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')


def tag(version: int) -> str:
    """Return the entity tag of a version."""
    return f'"v{version}"'


def expected_version(request: Request | HttpRequest) -> int | None:
    """Return the version `If-Match` asks for: None without the header or for `*`.

    A weak, foreign or malformed tag gives `NO_SUCH_VERSION`, which ends in `412 stale_version`.
    """
    value = request.headers.get("If-Match")
    if value is None or value.strip() == "*":
        return None
    found = _VERSION.fullmatch(value.strip())
    return int(found[1]) if found else NO_SUCH_VERSION


def opaque_tag(request: Request | HttpRequest) -> str | None:
    """Return the text between the quotes of `If-Match` (a plan's digest); None without the header.

    A malformed header gives an empty string, which matches nothing.
    """
    value = request.headers.get("If-Match")
    if value is None:
        return None
    value = value.strip()
    return value[1:-1] if _TAG.fullmatch(value) and value.startswith('"') else ""


def not_modified(request: Request | HttpRequest, version: int) -> bool:
    """Return whether `If-None-Match` names this version (weak comparison, RFC 9110 §13.1.2)."""
    value = request.headers.get("If-None-Match", "")
    if value.strip() == "*":
        return True
    return any(found.removeprefix("W/") == tag(version) for found in _TAG.findall(value))
