"""Who calls the API: a token of one membership, or a signed-in browser.

Either way the answer names one membership, and with it one tenant. `request.user` is the user,
`request.auth` the `Credential`.
"""

from __future__ import annotations

import dataclasses

from django.http import HttpRequest
from django.utils.encoding import force_str
from knox.crypto import hash_token
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.authentication import SessionAuthentication as BaseSessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request
from typing_extensions import override

from accounts.models import User
from accounts.selectors import Place, holder_of_token
from web.membership import place_of

SCHEME = "Bearer"
_LONGEST_TOKEN = 256


@dataclasses.dataclass(frozen=True, slots=True)
class Credential:
    """What the caller showed. `place` is None for a signed-in user without a membership."""

    place: Place | None
    by_token: bool


class TokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer <token>`. The token's membership selects the tenant."""

    @override
    def authenticate(self, request: Request) -> tuple[User, Credential] | None:
        """Return user and credential, None without a Bearer header.

        Raises AuthenticationFailed for a token that is malformed, unknown, expired, or whose
        member is no longer active; which of these it was is not said.
        """
        parts = get_authorization_header(request).split()
        if not parts or parts[0].lower() != SCHEME.lower().encode():
            return None
        if len(parts) != 2 or len(parts[1]) > _LONGEST_TOKEN:  # noqa: PLR2004  -- scheme and token
            raise _bad_token()
        try:
            token = force_str(parts[1], "ascii")
        except UnicodeDecodeError:
            raise _bad_token() from None
        # Found by its hash: what a guess could learn from timing says nothing about the token.
        holder = holder_of_token(hash_token(token))
        if holder is None:
            raise _bad_token()
        return holder.user, Credential(holder.place, by_token=True)

    @override
    def authenticate_header(self, request: Request) -> str:
        """Return the challenge of a 401 answer."""
        return SCHEME


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


def _bad_token() -> AuthenticationFailed:
    return AuthenticationFailed(
        "The token is unknown, expired, or its member is no longer active.", code="invalid_token"
    )
