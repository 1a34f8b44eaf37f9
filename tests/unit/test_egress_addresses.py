"""Which addresses may be called."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest

from egress.addresses import Refused, networks, reachable, refusal, split

REFUSED = {
    "127.0.0.1": "a loopback address",
    "127.9.9.9": "a loopback address",
    "0.0.0.0": "no address of a machine",  # noqa: S104  -- nothing listens there
    "10.0.0.1": "a private address",
    "172.16.0.1": "a private address",
    "192.168.1.1": "a private address",
    "100.64.0.1": "a private address",
    "192.0.2.1": "a private address",
    "198.18.0.1": "a private address",
    "255.255.255.255": "a private address",
    "169.254.1.1": "a link-local address",
    "169.254.169.254": "a metadata address",
    "168.63.129.16": "a metadata address",
    "100.100.100.200": "a metadata address",
    "224.0.0.1": "a multicast address",
    "::1": "a loopback address",
    "::": "no address of a machine",
    "fe80::1": "a link-local address",
    "fe80::1%1": "a link-local address",
    "fc00::1": "a private address",
    "fd00:ec2::254": "a metadata address",
    "fec0::1": "a private address",
    "ff0e::1": "a multicast address",
    "2001:db8::1": "a private address",
    "2001::1": "a private address",
    "::ffff:127.0.0.1": "a loopback address",
    "::ffff:10.0.0.1": "a private address",
    "::ffff:169.254.169.254": "a metadata address",
    "::127.0.0.1": "a loopback address",
    "64:ff9b::7f00:1": "a loopback address",
    "64:ff9b::a9fe:a9fe": "a metadata address",
    "2002:7f00:1::": "a loopback address",
    "2002:a00:1::": "a private address",
    "64:ff9b:1::7f00:1": "a private address",
    "64:ff9b:1:a00:0:100::": "a private address",
    "::ffff:0:a00:1": "a private address",
    "192.0.0.192": "a private address",
    "192.88.99.1": "a private address",
    "3fff::1": "a private address",
    "5f00::1": "a private address",
    "4000::1": "a private address",
}
PUBLIC = ["93.184.216.34", "1.1.1.1", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:1.1.1.1"]


def told(monkeypatch: pytest.MonkeyPatch, *found: str) -> list[str]:
    """Let the resolver tell these addresses, whatever it is asked; what it was asked."""
    asked: list[str] = []

    def tell(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in found]

    monkeypatch.setattr(socket, "getaddrinfo", tell)
    return asked


def looked_up(*, allow: tuple[str, ...] = (), secure: bool = True) -> list[str]:
    return reachable("api.test", 443, secure=secure, allowed=networks(allow), seconds=5)


@pytest.mark.parametrize(("address", "kind"), REFUSED.items())
def test_what_is_not_public_is_refused_by_its_kind(
    monkeypatch: pytest.MonkeyPatch, address: str, kind: str
) -> None:
    told(monkeypatch, address)
    with pytest.raises(Refused) as refused:
        looked_up()
    wanted = f"api.test ({address}) is {kind}; AMENDS_EGRESS_ALLOW does not list it"
    assert refused.value.detail == wanted


@pytest.mark.parametrize("address", PUBLIC)
def test_what_is_public_is_reached(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    asked = told(monkeypatch, address)
    assert looked_up() == [address]
    assert asked == ["api.test"]


def test_one_refused_address_refuses_them_all(monkeypatch: pytest.MonkeyPatch) -> None:
    told(monkeypatch, "1.1.1.1", "10.0.0.1")
    with pytest.raises(Refused, match=r"api\.test \(10\.0\.0\.1\) is a private address"):
        looked_up()


def test_a_listed_network_is_reached_and_its_neighbour_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told(monkeypatch, "10.1.2.3", "::ffff:10.1.2.4")
    assert looked_up(allow=("10.1.0.0/16",)) == ["10.1.2.3", "::ffff:10.1.2.4"]
    assert looked_up(allow=("10.1.0.0/16", "fd00::/8"), secure=False)
    with pytest.raises(Refused, match=r"10\.1\.2\.3"):
        looked_up(allow=("10.2.0.0/16", "::/0"))


def test_without_tls_only_listed_networks_are_reached(monkeypatch: pytest.MonkeyPatch) -> None:
    told(monkeypatch, "1.1.1.1")
    with pytest.raises(Refused, match=r"api\.test \(1\.1\.1\.1\) is called by https only"):
        looked_up(secure=False)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://api.test/", "file:///etc/passwd", "//api.test/", "https://", "https://u:p@api.test/",
        "https://api.test:0/", "https://api.test:99999/", "https://[::1/", "https://api.test/a b",
        "https://api.test/\n", "https://b\u00fccher.test/", "gopher://127.0.0.1/",
    ],
)  # fmt: skip
def test_what_is_no_plain_web_address_is_refused_unasked(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    asked = told(monkeypatch, "1.1.1.1")
    with pytest.raises(Refused):
        split(url)
    assert refusal(url, ()) != ""
    assert asked == []


@pytest.mark.parametrize(
    "url", ["https://2130706433/", "https://0x7f.1/", "https://017700000001/", "https://127.1/"]
)
def test_other_spellings_of_an_address_are_what_they_lead_to(url: str) -> None:
    assert "(127.0.0.1) is a loopback address" in refusal(url, ())


def test_a_refusal_names_the_address_as_it_was_written() -> None:
    said = "169.254.169.254 is a metadata address; AMENDS_EGRESS_ALLOW does not list it"
    assert refusal("http://169.254.169.254/latest/meta-data/", ()) == said
    assert refusal("https://[::1]:8443/", ()).startswith("::1 is a loopback address")
    assert refusal("https://127.0.0.1/", networks(["127.0.0.0/8"])) == ""


def test_a_resolver_that_does_not_answer_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: over.wait(60) and [])
    try:
        said = refusal("https://api.test/", (), 0.05)
    finally:
        over.set()
    assert said == "the address of api.test was not told in 0.05 s"


def test_a_name_without_an_address_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", none)
    assert refusal("https://api.test/", ()).startswith("api.test has no address: ")
    told(monkeypatch)
    assert refusal("https://api.test/", ()) == "api.test has no address"
