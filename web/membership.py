"""Which membership a browser's session acts under.

A session is signed in as a user and has chosen one of the user's tenants. The choice is a
membership id in the session; it is checked against the user's active memberships on every request,
so a deactivated member is out at once. No header, query or body field selects a tenant.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from accounts.acting import ActingUser
from accounts.models import User
from accounts.selectors import Place, places_of

SESSION_KEY = "membership"


class MemberRequest(HttpRequest):
    """A request as pages and the admin see it. `place` is None without an active membership."""

    place: Place | None
    places: Sequence[Place]
    acting_user: ActingUser | None
    # While a page is made in the scope of `place`: nobody need ask the database for it.
    in_scope: bool
    # What a page carries to ask for news of itself, see `web.live`.
    live: Any


class MembershipMiddleware:
    """Puts `place`, `places` and `acting_user` on the request of a signed-in browser.

    A request without a session cookie (an API client with a token) costs no query here.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: MemberRequest) -> HttpResponse:
        """Find the chosen membership, then run the request."""
        bind(request)
        return self._get_response(request)


def bind(request: MemberRequest) -> None:
    """Set `place`, `places` and `acting_user` from the session, or to nothing."""
    request.place, request.places, request.acting_user = None, (), None
    if settings.SESSION_COOKIE_NAME not in request.COOKIES:
        return
    user = request.user
    if not isinstance(user, User):
        return
    request.places = places_of(user.id) if user.places is None else user.places
    request.place = _chosen(request.places, request.session.get(SESSION_KEY))
    if request.place is not None:
        request.acting_user = request.place.acting
        user.held_roles = request.place.roles


def choose(request: MemberRequest, tenant_id: uuid.UUID) -> bool:
    """Make the session act in `tenant_id`; False, and no change, if the user has no place there."""
    for found in request.places:
        if found.acting.tenant_id == tenant_id:
            request.session[SESSION_KEY] = str(found.acting.membership_id)
            return True
    return False


def place_of(request: HttpRequest) -> Place | None:
    """Return the place of a request, whoever made it; None when there is none."""
    found = getattr(request, "place", None)
    return found if isinstance(found, Place) else None


def _chosen(places: Sequence[Place], membership_id: object) -> Place | None:
    """Return the place the session names if it is the user's own, else the first."""
    for found in places:
        if str(found.acting.membership_id) == membership_id:
            return found
    return places[0] if places else None
