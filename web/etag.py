"""`ETag`, `If-Match` and `If-None-Match` (RFC 9110 §8.8.3, §13.1).

A detail's tag is `"v<version>"`, a plan's its digest. An action's `If-Match` becomes the versions,
or the digests, that the verb allows; it compares them under the row lock, at its place in the order
of checks. So a header that cannot be right is not refused here but handed on as no version at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.http import HttpRequest
from rest_framework.request import Request

NO_SUCH_VERSION = -1
_ANY = "*"
_VERSION = re.compile("v(0|[1-9][0-9]{0,8})")
# One element of a list, which may be empty, with the comma after it. No blank can be read in two
# ways, so that what fits nowhere is found out in one go.
_ELEMENT = re.compile(r'[ \t]*(?:(W/)?"([\x21\x23-\x7e\x80-\xff]*)"[ \t]*)?(?:,|\Z)')


def tag(version: int | str) -> str:
    """Return the entity tag of a version, or of a text that names the content, such as a digest."""
    return f'"v{version}"' if isinstance(version, int) else f'"{version}"'


def allowed_versions(request: Request | HttpRequest) -> frozenset[int] | None:
    """Return the versions `If-Match` allows; None (any) without the header or for `*`.

    Weak and foreign tags match nothing, nor does anything in a header that is no list of tags; when
    no version is left, none is allowed, which ends in `412 stale_version`.
    """
    value = request.headers.get("If-Match")
    if value is None or value.strip() == _ANY:
        return None
    found = (_VERSION.fullmatch(each) for each in _strong(value))
    return frozenset(int(version[1]) for version in found if version)


def named_digests(request: Request | HttpRequest) -> frozenset[str] | None:
    """Return what `If-Match` names by strong tags (a plan's digest), None when it names nothing.

    `*` is true of any plan there is, and so says nothing of what was seen: it names none.
    """
    value = request.headers.get("If-Match")
    if value is None or value.strip() == _ANY:
        return None
    return frozenset(_strong(value))


def not_modified(request: Request | HttpRequest, version: int | str) -> bool:
    """Return whether `If-None-Match` names this version (weak comparison, RFC 9110 §13.1.2)."""
    value = request.headers.get("If-None-Match", "")
    if value.strip() == _ANY:
        return True
    return any(f'"{opaque}"' == tag(version) for _weak, opaque in _tags(value))


def _strong(value: str) -> Iterator[str]:
    return (opaque for is_weak, opaque in _tags(value) if not is_weak)


def _tags(value: str) -> list[tuple[bool, str]]:
    """Return the tags of a list, each with whether it is weak; none of what is no such list."""
    found: list[tuple[bool, str]] = []
    place = 0
    while place < len(value):
        element = _ELEMENT.match(value, place)
        if element is None:
            return []
        if element[2] is not None:
            found.append((element[1] is not None, element[2]))
        place = element.end()
    return found
