"""Browsers and API clients of the cast."""

from __future__ import annotations

from django.test import Client

from accounts.acting import ActingUser
from accounts.actions import create_token
from accounts.models import User
from web.membership import SESSION_KEY


def browser(who: ActingUser, *, enforce_csrf_checks: bool = False) -> Client:
    """Return a browser in which `who` has signed in and acts in that tenant."""
    client = Client(enforce_csrf_checks=enforce_csrf_checks)
    assert who.user_id is not None
    client.force_login(User.objects.get(id=who.user_id))
    session = client.session
    session[SESSION_KEY] = str(who.membership_id)
    session.save()
    return client


def api(who: ActingUser) -> Client:
    """Return an API client with a fresh token of `who`. A server fault is an answer, not raised."""
    return Client(
        headers={"Authorization": f"Bearer {create_token(who)}", "Accept": "application/json"},
        raise_request_exception=False,
    )
