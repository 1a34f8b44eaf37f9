"""Who is believed about the client's address."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from web.client_address import ClientAddressMiddleware, network_of

PROXIES = ["10.0.0.0/8", "fd00::/8", "unix"]


def seen(peer: str, **headers: str) -> HttpRequest:
    """Return the request as what follows the middleware sees it."""
    found: list[HttpRequest] = []

    def then(request: HttpRequest) -> HttpResponse:
        found.append(request)
        return HttpResponse()

    extra: dict[str, Any] = {f"HTTP_{name}": value for name, value in headers.items()}
    ClientAddressMiddleware(then)(RequestFactory().get("/", REMOTE_ADDR=peer, **extra))
    return found[0]


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", "nonsense, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9, nonsense", "10.0.0.1"),
        ("10.0.0.1", "203.0.113.9, nonsense, 10.0.0.2", "10.0.0.2"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("::ffff:10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("fd00::1", "2001:db8::1", "2001:db8::1"),
        ("", "203.0.113.9", "203.0.113.9"),
        ("198.51.100.7", "203.0.113.9", "198.51.100.7"),
        ("2001:db8::5", "203.0.113.9", "2001:db8::5"),
    ],
)
def test_the_last_address_that_is_no_proxy_is_the_clients(
    settings: Any, peer: str, forwarded: str, client: str
) -> None:
    settings.AMENDS_TRUSTED_PROXIES = PROXIES
    assert seen(peer, X_FORWARDED_FOR=forwarded).META["REMOTE_ADDR"] == client


def test_a_stranger_says_nothing_about_itself(settings: Any) -> None:
    settings.AMENDS_TRUSTED_PROXIES = PROXIES
    said = {"X_FORWARDED_FOR": "1.2.3.4", "X_FORWARDED_PROTO": "https", "X_REAL_IP": "1.2.3.4"}
    stranger = seen("198.51.100.7", **said)
    assert [name for name in stranger.META if name.startswith("HTTP_X_")] == []
    assert "X-Forwarded-For" not in stranger.headers
    assert seen("10.0.0.1", **said).META["HTTP_X_FORWARDED_PROTO"] == "https"


def test_without_trusted_proxies_nobody_is_believed(settings: Any) -> None:
    settings.AMENDS_TRUSTED_PROXIES = []
    assert seen("10.0.0.1", X_FORWARDED_FOR="1.2.3.4").META["REMOTE_ADDR"] == "10.0.0.1"
    assert seen("", X_FORWARDED_FOR="1.2.3.4").META["REMOTE_ADDR"] == ""


@pytest.mark.parametrize(
    ("peer", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("", "unix"),
    ],
)
def test_limits_count_a_customer_as_one(peer: str, network: str) -> None:
    assert network_of(RequestFactory().get("/", REMOTE_ADDR=peer)) == network
