"""Which addresses may be reached from here: those of the open internet, and what is allowed.

Whoever configures an address, or answers with one, must not make us call what only our own network
is meant to reach: the machine itself, its neighbours, the metadata service of a cloud.
"""

from __future__ import annotations

import ipaddress
import queue
import socket
import threading
from collections.abc import Sequence
from urllib.parse import SplitResult, urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Answers a machine on the public address space, yet is a cloud's own service to its guests.
_METADATA = frozenset(
    ipaddress.ip_address(each)
    for each in ("169.254.169.254", "168.63.129.16", "100.100.100.200", "fd00:ec2::254")
)
#: IPv6 that carries an IPv4 address in its last 32 bits, which is where it leads.
_CARRIES = tuple(ipaddress.IPv6Network(each) for each in ("64:ff9b::/96", "::/96", "::ffff:0:0/96"))
#: All of IPv6 that is given out as global unicast (RFC 4291 §2.4, IANA).
_UNICAST = ipaddress.IPv6Network("2000::/3")
#: Within what Python calls global, and reserved: protocols, a retired relay, documentation.
_RESERVED = tuple(
    ipaddress.ip_network(each) for each in ("192.0.0.0/24", "192.88.99.0/24", "3fff::/20")
)
_PORTS = {"http": 80, "https": 443}


class Refused(Exception):
    """An address that may not be reached. The detail names it, and the rule."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class Unresolved(Exception):
    """The name has no address, or none was told in time."""


def networks(given: Sequence[str]) -> tuple[Network, ...]:
    """Read networks that may be reached though they are not public, such as `10.0.0.0/8`. Raises
    ValueError."""
    return tuple(ipaddress.ip_network(each) for each in given)


def kind_of(address: Address) -> str:
    """Return what kind of address may not be reached, empty for a public one."""
    carried = _carried(address)
    if carried is not None and (found := kind_of(carried)):
        return found
    kinds = (
        (address in _METADATA, "a metadata address"),
        (address.is_loopback, "a loopback address"),
        (address.is_link_local, "a link-local address"),
        (address.is_multicast, "a multicast address"),
        (address.is_unspecified, "no address of a machine"),
        (isinstance(address, ipaddress.IPv6Address) and address.is_site_local, "a private address"),
        (carried is None and not _is_public(address), "a private address"),
    )
    return next((kind for holds, kind in kinds if holds), "")


def _is_public(address: Address) -> bool:
    """Whether it is one of the open internet. What nobody was given yet is not."""
    if isinstance(address, ipaddress.IPv6Address) and address not in _UNICAST:
        return False
    return address.is_global and not any(address in network for network in _RESERVED)


def _carried(address: Address) -> ipaddress.IPv4Address | None:
    """Return the IPv4 address that one of IPv6 leads to."""
    if not isinstance(address, ipaddress.IPv6Address):
        return None
    if any(address in network for network in _CARRIES) and int(address) > 1:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.sixtofour


def is_allowed(address: Address, allowed: Sequence[Network]) -> bool:
    """Whether it lies in a network that may be reached though it is not public."""
    carried = _carried(address)
    return any(
        each in network
        for each in (address, carried)
        if each is not None
        for network in allowed
        if network.version == each.version
    )


def split(url: str) -> SplitResult:
    """Read a web address that may be called. Raises Refused for any other."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise Refused(f"{url!r} is no web address: {error}") from error
    if parts.scheme not in _PORTS or not host:
        raise Refused(f"{url!r} is no address of http or https")
    if "@" in parts.netloc:
        raise Refused(f"an address with a name and a password in it is not called ({host})")
    if port == 0 or not url.isascii() or any(not sign.isprintable() or sign == " " for sign in url):
        raise Refused(f"{url!r} is no web address in plain characters")
    return parts


def port_of(parts: SplitResult) -> int:
    """Return its port, that of the scheme where none is said."""
    return parts.port or _PORTS[parts.scheme]


def reachable(
    host: str, port: int, *, secure: bool, allowed: Sequence[Network], seconds: float
) -> list[str]:
    """Return every address of `host`, each of which may be reached.

    One that may not refuses them all: which one is taken would be the other side's choice. Without
    TLS only allowed networks are reached: a signed call is nobody else's to read. Raises Refused
    and Unresolved.
    """
    found = _resolved(host, port, seconds)
    for text in found:
        address = ipaddress.ip_address(text.partition("%")[0])
        if is_allowed(address, allowed):
            continue
        named = text if host.strip("[]") == text else f"{host} ({text})"
        if kind := kind_of(address):
            raise Refused(f"{named} is {kind}; AMENDS_EGRESS_ALLOW does not list it")
        if not secure:
            raise Refused(f"{named} is called by https only; AMENDS_EGRESS_ALLOW does not list it")
    return found


def refusal(url: str, allowed: Sequence[Network], seconds: float = 5.0) -> str:
    """Return why an address may not be called, empty where it may."""
    try:
        parts = split(url)
        secure = parts.scheme == "https"
        reachable(
            parts.hostname or "", port_of(parts), secure=secure, allowed=allowed, seconds=seconds
        )
    except (Refused, Unresolved) as refused:
        return str(refused)
    return ""


def _resolved(host: str, port: int, seconds: float) -> list[str]:
    """Ask for the addresses of a name, in a thread of its own: the resolver has no time limit that
    we could set."""
    answer: queue.SimpleQueue[list[str] | Exception] = queue.SimpleQueue()

    def ask() -> None:
        try:
            rows = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answer.put(list(dict.fromkeys(str(row[4][0]) for row in rows)))
        except (OSError, UnicodeError) as error:
            answer.put(error)

    threading.Thread(target=ask, name="resolve", daemon=True).start()
    try:
        found = answer.get(timeout=max(seconds, 0.001))
    except queue.Empty:
        raise Unresolved(f"the address of {host} was not told in {seconds:g} s") from None
    if isinstance(found, Exception):
        raise Unresolved(f"{host} has no address: {found}") from found
    if not found:
        raise Unresolved(f"{host} has no address")
    return found
