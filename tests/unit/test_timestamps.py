"""Time stamps (RFC 3161): what is asked, and which answers count."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from typing import Any

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from ledger.tree.der import NULL, OCTETS, SEQUENCE, NotDer, made, number, oid, one, values
from ledger.tree.timestamps import SHA256, Unstamped, query, stamped
from tests.stamping import AT, Authority, certificate, query_parts

TEXT = "amends.example/ledger/1\n5\nAAAA\n"
NONCE = 2**63 + 5


def asked(authority: Authority, nonce: int = NONCE, now: dt.datetime = AT) -> Any:
    answer = authority.answer(query(TEXT, nonce))
    return stamped(answer, TEXT, nonce, [authority.issuer[0]], now)


def test_the_query_is_what_the_standard_says() -> None:
    version, imprint, nonce, certificates = query_parts(query(TEXT, NONCE))
    assert version.number == 1
    algorithm, digest = imprint.inside(SEQUENCE)
    assert algorithm.content == SHA256 + NULL
    assert digest.content == hashlib.sha256(TEXT.encode()).digest()
    assert nonce.number == NONCE
    assert certificates.whole == b"\x01\x01\xff"


def test_a_stamp_of_it_counts() -> None:
    for authority in (
        Authority(), Authority(by_key_id=True), Authority(status=1),
        Authority(at="20261127200000.25Z"),
    ):  # fmt: skip
        token, at = asked(authority)
        assert at.replace(microsecond=0) == AT
        assert one(token).tag == SEQUENCE


OTHER = made(SEQUENCE, made(SEQUENCE, SHA256, NULL), made(OCTETS, b"\1" * 32))
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"status": 2}, "refused, with status 2"),
    ({"imprint": OTHER}, "of something else"),
    ({"imprint": made(SEQUENCE, made(SEQUENCE, oid("1.3.14.3.2.26")), made(OCTETS, b"\1" * 20))},
     "of something else"),
    ({"nonce": number(NONCE + 1)}, "nonce is not ours"),
    ({"nonce": b""}, "nonce is not ours"),
    ({"kind": oid("1.2.840.113549.1.7.1")}, "no time stamp"),
    ({"digest": b"\1" * 32}, "not of this stamp"),
    ({"flipped": True}, "does not hold"),
    ({"certificates": False}, "is not there"),
    ({"usage": None}, "time stamping alone"),
    ({"usage": ExtendedKeyUsageOID.SERVER_AUTH}, "time stamping alone"),
    ({"at": "20261127200501Z"}, "time to come"),
    ({"at": "20191127200000Z"}, "not valid at that time"),
    ({"at": "yesterday"}, "no time stamp"),
]  # fmt: skip


@pytest.mark.parametrize(("changed", "said"), WRONG, ids=range(len(WRONG)))
def test_another_answer_does_not(changed: dict[str, Any], said: str) -> None:
    with pytest.raises(Unstamped, match=said):
        asked(Authority(**changed))


def test_nobody_else_is_trusted() -> None:
    authority = Authority()
    answer = authority.answer(query(TEXT, NONCE))
    stranger, _key = certificate("Authority of authorities", usage=None, serial=1)
    for trusted in ([stranger], []):
        with pytest.raises(Unstamped, match="nobody who is trusted"):
            stamped(answer, TEXT, NONCE, trusted, AT)
    with pytest.raises(Unstamped, match="of something else"):
        stamped(answer, f"{TEXT}more\n", NONCE, [authority.issuer[0]], AT)


# Of a changed serial number the library says more than that it cannot be read.
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_whatever_bytes_come_are_answered() -> None:
    whole = Authority().answer(query(TEXT, NONCE))
    trusted = [certificate("x")[0]]
    for n in range(0, len(whole), 7):
        for broken in (whole[:n], whole[:n] + bytes([whole[n] ^ 0x81]) + whole[n + 1 :]):
            with pytest.raises(Unstamped):
                stamped(broken, TEXT, NONCE, trusted, AT)


# Another version; and the extension with the key's id as another's double, or with a strange name.
_UNREADABLE: list[tuple[bytes, bytes, str]] = [
    (rb"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x07", "not a valid X509 version"),
    (rb"\x06\x03\x55\x1d\x0e", b"\x06\x03\x55\x1d\x25", "Duplicate"),
    (rb"\x06\x03\x55\x1d\x0e\x04\x16\x04\x14(?s:..)",
     b"\x06\x03\x55\x1d\x11\x04\x16\x30\x14\xa3\x12", "not supported types"),
]  # fmt: skip


@pytest.mark.parametrize(("was", "is_", "said"), _UNREADABLE, ids=range(len(_UNREADABLE)))
def test_a_certificate_that_cannot_be_read_is_no_stamp(was: bytes, is_: bytes, said: str) -> None:
    authority = Authority()
    answer, changed = re.subn(was, lambda _: is_, authority.answer(query(TEXT, NONCE)))
    assert changed == 1
    with pytest.raises(Unstamped, match=f"is no time stamp: .*{said}"):
        stamped(answer, TEXT, NONCE, [authority.issuer[0]], AT)


@pytest.mark.parametrize(
    "encoded", [b"\x30", b"\x30\x05a", b"\x30\x80", b"\x30\x81\x05hello", b"\x30\x82\x00\x05hello",
                b"\x30\x85\x01\x01\x01\x01\x01", b"\x30\x82\x01"],
)  # fmt: skip
def test_what_is_no_der_is_refused(encoded: bytes) -> None:
    with pytest.raises(NotDer):
        list(values(encoded))


def test_der_is_written_as_it_is_read() -> None:
    for length in (0, 1, 127, 128, 255, 256, 70_000):
        value = one(made(OCTETS, b"x" * length))
        assert (value.tag, len(value.content)) == (OCTETS, length)
    for each in (0, 1, 127, 128, 255, 256, 2**63, 2**64 - 1):
        assert one(number(each)).number == each
    assert oid("1.2.840.113549.1.7.2").hex() == "06092a864886f70d010702"
    for wrong in (b"", NULL + NULL):
        with pytest.raises(NotDer, match="values, not one"):
            one(wrong)
    with pytest.raises(NotDer, match="tag"):
        one(NULL).of(SEQUENCE)
