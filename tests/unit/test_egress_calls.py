"""Calls to another program on this machine, as it answers, does not, or does not end."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Iterator
from typing import Any

import pytest

from egress import calls
from egress.addresses import networks
from egress.calls import Answer, Limits, NoAnswer, NotSent, Refused, TooLarge, call
from tests.answering import LOOPBACK, Answering, Handler, Heard, answering
from tests.database import ROOT

QUICK = Limits(connect=2, read=0.2, whole=2, most_bytes=1000)
CERTIFICATE = str(ROOT / "tests" / "certificates" / "target.test.pem")


def told(handler: Handler, heard: Heard) -> None:
    """Answer with what was heard."""
    handler.answer(200, {"path": heard.path, "body": heard.body.decode()}, X_Seen="yes")


@pytest.fixture
def target() -> Iterator[Answering]:
    with answering(told) as server:
        yield server


def ask(url: str, body: bytes = b"", allow: str = LOOPBACK, limits: Limits = QUICK) -> Answer:
    return call(
        "POST", url, headers={"x-key": "k1"}, body=body, limits=limits, allowed=networks([allow])
    )


def test_a_call_is_heard_and_its_answer_comes_back(target: Answering) -> None:
    answer = ask(target.url("/pay?now=1"), b"{}")
    assert (answer.status, answer.headers["x-seen"]) == (200, "yes")
    assert answer.body == b'{"path": "/pay?now=1", "body": "{}"}'
    [heard] = target.heard
    assert (heard.method, heard.body) == ("POST", b"{}")
    assert heard.headers["x-key"] == "k1"
    assert heard.headers["host"] == f"127.0.0.1:{target.port}"


def test_a_guarded_address_hears_nothing(target: Answering) -> None:
    for url in (target.url(), target.url(host="localhost"), target.url(host="2130706433")):
        with pytest.raises(Refused, match="is a loopback address"):
            ask(url, allow="10.0.0.0/8")
    assert target.heard == []


def test_what_was_looked_at_is_what_is_called(
    target: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A resolver that tells another address the second time is not asked a second time."""
    real, asked = socket.getaddrinfo, []

    def rebinding(host: Any, *given: Any, **named: Any) -> Any:
        if host == "rebinds.test":
            asked.append(host)
            return real("127.0.0.1" if len(asked) == 1 else "10.0.0.1", *given, **named)
        return real(host, *given, **named)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    assert ask(target.url(host="rebinds.test")).status == 200
    assert asked == ["rebinds.test"]
    [heard] = target.heard
    assert heard.headers["host"] == f"rebinds.test:{target.port}"
    with pytest.raises(Refused, match=r"rebinds\.test \(10\.0\.0\.1\) is a private address"):
        ask(target.url(host="rebinds.test"))
    assert len(target.heard) == 1


def test_no_redirect_is_followed(target: Answering) -> None:
    def away(handler: Handler, heard: Heard) -> None:
        handler.answer(307, Location=target.url("/other"))

    target.reply = away
    answer = ask(target.url())
    assert (answer.status, answer.headers["location"]) == (307, target.url("/other"))
    assert [heard.path for heard in target.heard] == ["/"]


def test_no_proxy_of_the_environment_is_used(
    target: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1/")
    assert ask(target.url()).status == 200


def test_what_listens_nowhere_was_sent_nothing() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(NotSent, match="no connection"):
            ask(f"http://127.0.0.1:{free.getsockname()[1]}/")


def test_silence_is_no_answer(target: Answering) -> None:
    target.reply = lambda handler, _heard: handler.hang()
    with pytest.raises(NoAnswer, match="no whole answer"):
        ask(target.url())
    assert len(target.heard) == 1


def drips(handler: Handler, heard: Heard) -> None:
    """Answer byte by byte, without an end."""
    handler.send_response(200)
    handler.send_header("content-length", "100000")
    handler.end_headers()
    with contextlib.suppress(OSError):
        while not handler.server.over.wait(0.02):
            handler.wfile.write(b"x")
            handler.wfile.flush()


def test_an_answer_that_drips_has_no_more_time_than_the_whole_call(target: Answering) -> None:
    target.reply = drips
    # It is never silent for as long as a silence may last.
    with pytest.raises(NoAnswer, match="no whole answer"):
        ask(target.url(), limits=Limits(connect=2, read=30, whole=0.3))
    assert len(target.heard) == 1


def cut(handler: Handler, heard: Heard) -> None:
    """Promise more than comes."""
    handler.send_response(200)
    handler.send_header("content-length", "100")
    handler.end_headers()
    handler.wfile.write(b'{"half":')


def cut_in_pieces(handler: Handler, heard: Heard) -> None:
    handler.send_response(200)
    handler.send_header("transfer-encoding", "chunked")
    handler.end_headers()
    handler.wfile.write(b'8\r\n{"half":\r\n')


def garbage(handler: Handler, heard: Heard) -> None:
    handler.wfile.write(b"I am no web server\r\n\r\n")


def compressed(handler: Handler, heard: Heard) -> None:
    handler.answer(200, raw=b"\x1f\x8b", Content_Encoding="gzip")


@pytest.mark.parametrize("reply", [cut, cut_in_pieces, garbage, compressed])
def test_half_an_answer_is_none(target: Answering, reply: Any) -> None:
    target.reply = reply
    with pytest.raises(NoAnswer):
        ask(target.url())
    assert len(target.heard) == 1


def test_an_answer_is_read_up_to_its_limit(target: Answering) -> None:
    target.reply = lambda handler, heard: handler.answer(200, raw=b"x" * int(heard.body))
    assert len(ask(target.url(), b"1000").body) == 1000
    with pytest.raises(TooLarge, match="the answer has more than 1000 bytes"):
        ask(target.url(), b"1001")


@pytest.fixture
def secure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Answering]:
    """A server whose certificate is of target.test, which is this machine."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    real = socket.getaddrinfo

    def here(host: Any, *given: Any, **named: Any) -> Any:
        is_ours = str(host).endswith(".test")
        return real("127.0.0.1" if is_ours else host, *given, **named)

    monkeypatch.setattr(socket, "getaddrinfo", here)
    calls._verifying.cache_clear()  # noqa: SLF001  -- it is read once a process
    with answering(told, context) as server:
        yield server
    calls._verifying.cache_clear()  # noqa: SLF001


def test_a_certificate_that_nobody_here_trusts_is_sent_nothing(secure: Answering) -> None:
    with pytest.raises(NotSent, match="CERTIFICATE_VERIFY_FAILED"):
        ask(secure.url(host="target.test"))
    assert secure.heard == []


def test_a_certificate_of_another_name_is_sent_nothing(
    secure: Answering, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", CERTIFICATE)
    with pytest.raises(NotSent, match=r"Hostname mismatch.*other\.test"):
        ask(secure.url(host="other.test"))
    assert secure.heard == []
    assert ask(secure.url(host="target.test")).status == 200
    assert len(secure.heard) == 1


@pytest.mark.parametrize("value", ["Bearer geheim ", " geheim", "geheim\r\nX: y", "geheim\xe9"])
def test_a_header_that_cannot_be_sent_is_named_and_not_repeated(
    target: Answering, value: str
) -> None:
    headers = {"Authorization": value}
    with pytest.raises(NotSent) as refused:
        call("POST", target.url(), headers=headers, limits=QUICK, allowed=networks([LOOPBACK]))
    assert str(refused.value) == "the header Authorization cannot be sent as it is"
    assert target.heard == []
