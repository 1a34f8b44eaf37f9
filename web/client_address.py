"""Who is at the other end: the peer, or the client that a trusted proxy names.

`X-Forwarded-For` and its like are believed only from the proxies in `AMENDS_TRUSTED_PROXIES`; from
anybody else they are dropped before anything reads them, so that no client chooses the address that
limits, logs and the lock of the log-in go by.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence

from django.conf import settings
from django.http import HttpRequest, HttpResponse

#: In the list of proxies: whoever connects to the server's own socket.
UNIX = "unix"
_SAID_BY_PROXIES = (
    *("HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_FORWARDED_HOST"),
    *("HTTP_X_FORWARDED_PORT", "HTTP_X_REAL_IP", "HTTP_FORWARDED"),
)
# Of an IPv6 address this much is one customer's: whoever has it has all that lies in it.
_IPV6_PREFIX = 64
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class ClientAddressMiddleware:
    """Puts the client's address into `REMOTE_ADDR`. Stands before all that reads it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Believe the proxies, and nobody else."""
        proxies: Sequence[str] = settings.AMENDS_TRUSTED_PROXIES
        peer = request.META.get("REMOTE_ADDR", "")
        if _is_proxy(peer, proxies):
            forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "")
            request.META["REMOTE_ADDR"] = _client(peer, forwarded, proxies)
        else:
            for name in _SAID_BY_PROXIES:
                request.META.pop(name, None)
        return self._get_response(request)


def network_of(request: HttpRequest) -> str:
    """Return the client as limits count it: an IPv4 address, the /64 of an IPv6 one."""
    found = _parsed(request.META.get("REMOTE_ADDR", ""))
    if isinstance(found, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((found, _IPV6_PREFIX), strict=False))
    return str(found or UNIX)


def _client(peer: str, forwarded: str, proxies: Sequence[str]) -> str:
    """Return the last address that no proxy of ours has: each adds the one it was called from."""
    client = peer
    for said in reversed(forwarded.split(",")):
        found = _parsed(said.strip())
        if found is None:
            break
        client = str(found)
        if not _is_proxy(client, proxies):
            break
    return client


def _is_proxy(peer: str, proxies: Sequence[str]) -> bool:
    found = _parsed(peer)
    if found is None:
        return not peer and UNIX in proxies
    return any(found in ipaddress.ip_network(each) for each in proxies if each != UNIX)


def _parsed(text: str) -> Address | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return mapped or found
