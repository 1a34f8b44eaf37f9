"""An authority of time stamps (RFC 3161) as a test needs it: its answer, and whatever may be wrong
with it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from ledger.tree.der import (
    FIRST,
    NULL,
    OCTETS,
    SEQUENCE,
    SET,
    TIME,
    Value,
    made,
    number,
    oid,
    one,
)
from ledger.tree.timestamps import CONTENT_TYPE, DIGEST, SHA256, SIGNED_DATA, STAMP

AT = dt.datetime(2026, 11, 27, 20, 0, 0, tzinfo=dt.UTC)
ECDSA_SHA256 = oid("1.2.840.10045.4.3.2")


def certificate(
    name: str,
    *,
    by: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None = None,
    usage: x509.ObjectIdentifier | None = ExtendedKeyUsageOID.TIME_STAMPING,
    serial: int = 7,
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """Make a certificate, signed by itself or by another, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    issuer, signing = (subject, key) if by is None else (by[0].subject, by[1])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(serial)
        .not_valid_before(dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(AT + dt.timedelta(days=3650))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if by is None:
        constraints = x509.BasicConstraints(ca=usage is None, path_length=None)
        builder = builder.add_extension(constraints, critical=True)
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=True)
    return builder.sign(signing, hashes.SHA256()), key


@dataclasses.dataclass
class Authority:
    """Answers queries. What it says otherwise than it should is set before."""

    issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] = dataclasses.field(
        default_factory=lambda: certificate("Authority of authorities", usage=None, serial=1)
    )
    status: int = 0
    at: str = "20261127200000Z"
    imprint: bytes | None = None
    nonce: bytes | None = None
    kind: bytes = STAMP
    digest: bytes | None = None
    certificates: bool = True
    usage: x509.ObjectIdentifier | None = ExtendedKeyUsageOID.TIME_STAMPING
    flipped: bool = False
    by_key_id: bool = False

    def answer(self, query: bytes) -> bytes:
        """Return the answer to a query."""
        if self.status > 1:
            return made(SEQUENCE, made(SEQUENCE, number(self.status)))
        _version, imprint, nonce, _certificates = one(query).inside(SEQUENCE)
        content = made(
            SEQUENCE, number(1), oid("1.2.3.4"), self.imprint or imprint.whole, number(41),
            made(TIME, self.at.encode()), self.nonce if self.nonce is not None else nonce.whole,
        )  # fmt: skip
        token = made(SEQUENCE, SIGNED_DATA, made(FIRST, self._signed(content)))
        return made(SEQUENCE, made(SEQUENCE, number(self.status)), token)

    def _signed(self, content: bytes) -> bytes:
        found, key = certificate("Stamps", by=self.issuer, usage=self.usage)
        digest = hashlib.sha256(content).digest() if self.digest is None else self.digest
        attributes = made(SEQUENCE, CONTENT_TYPE, made(SET, STAMP)) + made(
            SEQUENCE, DIGEST, made(SET, made(OCTETS, digest))
        )
        signature = bytearray(key.sign(made(SET, attributes), ec.ECDSA(hashes.SHA256())))
        signature[-1] ^= self.flipped
        named = made(SEQUENCE, found.issuer.public_bytes(), number(found.serial_number))
        if self.by_key_id:
            named = made(0x80, x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest)
        hashed = made(SEQUENCE, SHA256, NULL)
        signer = made(
            SEQUENCE, number(1), named, hashed, made(FIRST, attributes),
            made(SEQUENCE, ECDSA_SHA256), made(OCTETS, bytes(signature)),
        )  # fmt: skip
        inside = made(SEQUENCE, self.kind, made(FIRST, made(OCTETS, content)))
        kept = [made(FIRST, found.public_bytes(Encoding.DER))] if self.certificates else []
        return made(SEQUENCE, number(3), made(SET, hashed), inside, *kept, made(SET, signer))


def query_parts(query: bytes) -> list[Value]:
    """Return the parts of a query."""
    return one(query).inside(SEQUENCE)
