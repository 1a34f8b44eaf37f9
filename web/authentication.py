"""Who calls the API, and who may: a member, by a token of one membership or a signed-in browser.

Either way the answer names one membership, and with it one tenant. `request.user` is the user,
`request.auth` the `Credential`.
"""

from __future__ import annotations

import dataclasses

from django.http import HttpRequest
from knox.crypto import hash_token
from rest_framework.authentication import SessionAuthentication as BaseSessionAuthentication
from rest_framework.authentication import TokenAuthentication as BaseTokenAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied, Throttled
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from typing_extensions import override

from accounts.models import User
from accounts.selectors import Place, holder_of_token
from ledger.errors import NotPermitted
from web.client_address import network_of
from web.membership import place_of
from web.rate_limits import note_failure

_LONGEST_TOKEN = 256
_REFUSED = "The token is unknown, expired, or its member is no longer active."


@dataclasses.dataclass(frozen=True, slots=True)
class Credential:
    """What the caller showed. `place` is None for a signed-in user without a membership; `token`
    tells tokens apart and is none."""

    place: Place | None
    by_token: bool
    token: str = ""


class TokenAuthentication(BaseTokenAuthentication):
    """`Authorization: Bearer <token>`. The token's membership selects the tenant."""

    keyword = "Bearer"

    @override
    def authenticate(self, request: Request) -> tuple[User, Credential] | None:
        """Return user and credential, None without a Bearer header.

        Raises AuthenticationFailed for a token that is malformed, unknown, expired, or whose
        member is no longer active; which of these it was is not said. After too many of them from
        one address, Throttled. A good token is let in all the same: others use that address too.
        """
        try:
            return super().authenticate(request)
        except AuthenticationFailed:
            address = network_of(request._request)  # noqa: SLF001  -- DRF's
        if wait := note_failure("unknown_tokens", address):
            raise Throttled(wait)
        raise AuthenticationFailed(_REFUSED, code="invalid_token")

    @override
    def authenticate_credentials(self, key: str) -> tuple[User, Credential]:
        # Found by its hash: what a guess could learn from timing says nothing about the token.
        readable = key.isascii() and len(key) <= _LONGEST_TOKEN
        digest = hash_token(key) if readable else ""
        holder = holder_of_token(digest) if readable else None
        if holder is None:
            raise AuthenticationFailed
        return holder.user, Credential(holder.place, by_token=True, token=digest)


class SessionAuthentication(BaseSessionAuthentication):
    """The browser's session, with CSRF protection on unsafe methods."""

    @override
    def authenticate(self, request: Request) -> tuple[User, Credential] | None:
        """Return user and credential of a signed-in browser, None otherwise.

        Raises PermissionDenied when the CSRF token is missing or wrong.
        """
        django_request: HttpRequest = request._request  # noqa: SLF001  -- DRF offers no other way
        user = getattr(django_request, "user", None)
        if not isinstance(user, User) or not user.is_active:
            return None
        try:
            self.enforce_csrf(request)
        except PermissionDenied as error:
            raise PermissionDenied(str(error.detail), code="csrf_failed") from None
        return user, Credential(place_of(django_request), by_token=False)


class IsMember(BasePermission):
    """Lets active members in. Without credentials the answer is 401, without a membership 403.

    The one permission of every endpoint: the rest is the verbs'.
    """

    @override
    def has_permission(self, request: Request, view: object) -> bool:
        if not isinstance(request.auth, Credential):
            return False
        if request.auth.place is None:
            raise NotPermitted("You belong to no organisation.", code="no_membership")
        return True
