"""Time stamps (RFC 3161): asking an authority when a checkpoint was there, and reading its answer.

What is stamped is the SHA-256 of a checkpoint's text: its first three lines, without signatures. An
answer counts where it is of that hash and of our nonce, and signed by a certificate for time
stamping that one of the trusted ones is, or has issued. Nothing here reads or sends anything.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import hashlib
from collections.abc import Sequence

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from ledger.tree.der import (
    FIRST,
    NULL,
    OCTETS,
    SEQUENCE,
    SET,
    TIME,
    TRUE,
    NotDer,
    Value,
    made,
    number,
    oid,
    one,
)

#: What is sent, and what has to come back.
QUERY, REPLY = "application/timestamp-query", "application/timestamp-reply"
SHA256 = oid("2.16.840.1.101.3.4.2.1")
SIGNED_DATA, STAMP = oid("1.2.840.113549.1.7.2"), oid("1.2.840.113549.1.9.16.1.4")
CONTENT_TYPE, DIGEST = oid("1.2.840.113549.1.9.3"), oid("1.2.840.113549.1.9.4")
_HASHES: dict[bytes, hashes.HashAlgorithm] = {
    SHA256: hashes.SHA256(),
    oid("2.16.840.1.101.3.4.2.2"): hashes.SHA384(),
    oid("2.16.840.1.101.3.4.2.3"): hashes.SHA512(),
}
#: What bytes that are no stamp may raise. Those of certificates are ValueErrors only in part.
_UNREADABLE = (
    NotDer, IndexError, ValueError, UnsupportedAlgorithm, x509.InvalidVersion,
    x509.DuplicateExtension, x509.UnsupportedGeneralNameType,
)  # fmt: skip
_GRANTED = {0, 1}
#: So far may the clock of an authority be before ours, in seconds.
_AHEAD = dt.timedelta(seconds=300)


class Unstamped(Exception):
    """An answer that is no time stamp of what was asked for, in words."""


def query(text: str, nonce: int) -> bytes:
    """Return the request for a stamp of a text. `nonce`: a random number of at least 0."""
    return made(SEQUENCE, number(1), _imprint(text), number(nonce), TRUE)


def _imprint(text: str) -> bytes:
    digest = hashlib.sha256(text.encode()).digest()
    return made(SEQUENCE, made(SEQUENCE, SHA256, NULL), made(OCTETS, digest))


def stamped(
    answer: bytes, text: str, nonce: int, trusted: Sequence[x509.Certificate], now: dt.datetime
) -> tuple[bytes, dt.datetime]:
    """Return the token of an answer, and when it says that the text was there. Raises Unstamped."""
    try:
        token = _token(answer)
        content, signer = _signed(token, trusted)
        return token.whole, _time(content, text, nonce, signer, now)
    except _UNREADABLE as error:
        raise Unstamped(f"the answer is no time stamp: {error}") from error


def stamped_at(
    token: bytes, text: str, trusted: Sequence[x509.Certificate], now: dt.datetime
) -> dt.datetime:
    """Return when a token that was kept says that a text was there. Raises Unstamped."""
    try:
        content, signer = _signed(one(token), trusted)
        return _time(content, text, None, signer, now)
    except _UNREADABLE as error:
        raise Unstamped(f"it is no time stamp: {error}") from error


def _token(answer: bytes) -> Value:
    status, *rest = one(answer).inside(SEQUENCE)
    said = status.inside(SEQUENCE)[0].number
    if said not in _GRANTED or not rest:
        raise Unstamped(f"the authority refused, with status {said}")
    return rest[0]


def _time(
    content: bytes, text: str, nonce: int | None, signer: x509.Certificate, now: dt.datetime
) -> dt.datetime:
    """Return the time in what was stamped, once it is seen to be about our request, or, without a
    nonce, about this text at least."""
    _version, _policy, imprint, _serial, at, *rest = one(content).inside(SEQUENCE)
    (algorithm, digest) = imprint.inside(SEQUENCE)
    ours = one(_imprint(text)).inside(SEQUENCE)[1].content
    if algorithm.inside(SEQUENCE)[0].whole != SHA256 or digest.of(OCTETS) != ours:
        raise Unstamped("the stamp is of something else than this checkpoint")
    if nonce is not None and number(nonce) not in {each.whole for each in rest}:
        raise Unstamped("the stamp answers another request: its nonce is not ours")
    said = at.of(TIME).decode("ascii")
    form = "%Y%m%d%H%M%S.%fZ" if "." in said else "%Y%m%d%H%M%SZ"
    moment = dt.datetime.strptime(said, form).replace(tzinfo=dt.UTC)
    if moment > now + _AHEAD:
        raise Unstamped("the stamp is of a time to come")
    if not signer.not_valid_before_utc <= moment <= signer.not_valid_after_utc:
        raise Unstamped("the certificate of the authority was not valid at that time")
    return moment


def _signed(token: Value, trusted: Sequence[x509.Certificate]) -> tuple[bytes, x509.Certificate]:
    """Return the content of signed data, and whose certificate has signed it."""
    kind, wrapped = token.inside(SEQUENCE)
    if kind.whole != SIGNED_DATA:
        raise Unstamped("the answer holds no signed data")
    _version, _digests, encapsulated, *rest, signers = wrapped.inside(FIRST)[0].inside(SEQUENCE)
    what, holder = encapsulated.inside(SEQUENCE)
    if what.whole != STAMP:
        raise Unstamped("what is signed is no time stamp")
    content = holder.inside(FIRST)[0].of(OCTETS)
    certificates = [
        x509.load_der_x509_certificate(each.whole)
        for part in rest if part.tag == FIRST for each in part.inside(FIRST)
    ]  # fmt: skip
    (signer,) = signers.inside(SET)
    by = _signer(signer, [*certificates, *trusted])
    _check_trusted(by, trusted)
    _check_signature(signer, by, content)
    return content, by


def _signer(signer: Value, certificates: Sequence[x509.Certificate]) -> x509.Certificate:
    """Return the certificate that a signature names, by issuer and number or by its key's id."""
    _version, named, *_rest = signer.inside(SEQUENCE)
    for each in certificates:
        if named.tag == SEQUENCE:
            issuer, serial = named.inside(SEQUENCE)
            found = (issuer.whole, serial.number) == (
                each.issuer.public_bytes(),
                each.serial_number,
            )
        else:
            found = named.content == _key_id(each)
        if found:
            return each
    raise Unstamped("the certificate that signed is not there")


def _key_id(certificate: x509.Certificate) -> bytes | None:
    with contextlib.suppress(x509.ExtensionNotFound):
        return certificate.extensions.get_extension_for_class(
            x509.SubjectKeyIdentifier
        ).value.digest
    return None


def _check_trusted(by: x509.Certificate, trusted: Sequence[x509.Certificate]) -> None:
    try:
        usage = by.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    if list(usage) != [ExtendedKeyUsageOID.TIME_STAMPING]:
        raise Unstamped("the certificate that signed is not one for time stamping alone")
    for each in trusted:
        if each == by:
            return
        with contextlib.suppress(ValueError, TypeError, InvalidSignature):
            by.verify_directly_issued_by(each)
            return
    raise Unstamped("the certificate that signed is of nobody who is trusted")


def _check_signature(signer: Value, by: x509.Certificate, content: bytes) -> None:
    """See that the signature is of its attributes, and these of the content (RFC 5652 §5.4)."""
    _version, _named, digest, attributes, _algorithm, signature, *_more = signer.inside(SEQUENCE)
    said = {}
    for each in attributes.inside(FIRST):
        name, found = each.inside(SEQUENCE)
        said[name.whole] = [value.whole for value in found.inside(SET)]
    algorithm = _HASHES.get(digest.inside(SEQUENCE)[0].whole)
    if algorithm is None:
        raise Unstamped("the signature uses a hash that is none of SHA-2")
    hashed = hashes.Hash(algorithm)
    hashed.update(content)
    if said.get(DIGEST) != [made(OCTETS, hashed.finalize())] or said.get(CONTENT_TYPE) != [STAMP]:
        raise Unstamped("the signature is not of this stamp")
    # What is signed are the attributes as a set: within the structure they have another tag.
    signed = made(SET, attributes.content)
    try:
        _verify(by, signature.of(OCTETS), signed, algorithm)
    except InvalidSignature:
        raise Unstamped("the signature of the authority does not hold") from None


def _verify(
    by: x509.Certificate, signature: bytes, signed: bytes, algorithm: hashes.HashAlgorithm
) -> None:
    key = by.public_key()
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, signed, padding.PKCS1v15(), algorithm)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, signed, ec.ECDSA(algorithm))
    elif isinstance(key, ed25519.Ed25519PublicKey):
        key.verify(signature, signed)
    else:
        raise Unstamped("the certificate that signed has a key of another kind")
