"""In which language and time zone a page speaks to who reads it.

The API speaks English and UTC to everybody: what a program reads must not depend on who runs it.
"""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from accounts.models import User
from web.error_pages import API_PREFIX

_OFFERED = frozenset(code for code, _name in settings.LANGUAGES)


class PreferencesMiddleware:
    """Lets pages be in the chosen language and zone. Stands behind what signs a browser in."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Run the request as its user reads; the next one of this thread begins anew."""
        user = _reader(request)
        if user is None:
            return self._get_response(request)
        language = user.language if user.language in _OFFERED else translation.get_language()
        with translation.override(language), timezone.override(zone_of(user)):
            return self._get_response(request)


def zone_of(user: User) -> zoneinfo.ZoneInfo | None:
    """Return the zone a user has chosen; None for that of the installation."""
    try:
        return zoneinfo.ZoneInfo(user.time_zone) if user.time_zone else None
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        # It was known once: what knows the zones is not ours.
        return None


def _reader(request: HttpRequest) -> User | None:
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return None
    if request.path_info.startswith(API_PREFIX):
        return None
    return request.user if isinstance(request.user, User) else None
