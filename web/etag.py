"""`ETag`, `If-Match` and `If-None-Match`.

A detail's tag is `"v<version>"`. An action's `If-Match` becomes the versions that the
verb allows; it compares them under the row lock, at its place in the order of checks. So a header
that cannot be right is not refused here but handed on as no version at all.
"""

from __future__ import annotations

import re

from django.http import HttpRequest
from rest_framework.request import Request

NO_SUCH_VERSION = -1
# Each tag of an If-Match is tried in turn; nobody holds more versions of one thing than this.
MOST_TAGS = 8
_VERSION = re.compile(r'"v(\d{1,9})"')
_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')


def tag(version: int | str) -> str:
    """Return the entity tag of a version, or of a text that names the content, such as a digest."""
    return f'"v{version}"' if isinstance(version, int) else f'"{version}"'


def allowed_versions(request: Request | HttpRequest) -> tuple[int, ...] | None:
    """Return the versions `If-Match` allows, as named; None (any) without the header or for `*`.

    Weak, foreign and malformed tags match nothing; when no other is left, no version is allowed,
    which ends in `412 stale_version`.
    """
    value = request.headers.get("If-Match")
    if value is None or value.strip() == "*":
        return None
    listed = [_VERSION.fullmatch(each.strip()) for each in value.split(",", MOST_TAGS)]
    return tuple(dict.fromkeys(int(found[1]) for found in listed[:MOST_TAGS] if found))


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
