"""The little of DER (X.690) that a time stamp is written in: reading strictly, and writing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

INTEGER: Final = 0x02
OCTETS: Final = 0x04
OID: Final = 0x06
TIME: Final = 0x18
SEQUENCE: Final = 0x30
SET: Final = 0x31
#: A context's own first tag, [0], that holds values.
FIRST: Final = 0xA0
TRUE: Final = b"\x01\x01\xff"
NULL: Final = b"\x05\x00"
_LONG, _MOST_LENGTH = 0x80, 4


class NotDer(ValueError):
    """Bytes that are no DER, or not of the form that is asked for."""


class Value(NamedTuple):
    """One value: its tag, what is in it, and all of its bytes."""

    tag: int
    content: bytes
    whole: bytes

    def inside(self, tag: int) -> list[Value]:
        """Return the values within one of this tag. Raises NotDer."""
        return list(values(self.of(tag)))

    def of(self, tag: int) -> bytes:
        """Return the content of one that has this tag. Raises NotDer."""
        if self.tag != tag:
            raise NotDer(f"a value has the tag {self.tag:#x}, not {tag:#x}")
        return self.content

    @property
    def number(self) -> int:
        """The whole number that it is. Raises NotDer."""
        return int.from_bytes(self.of(INTEGER), "big", signed=True)


def values(encoded: bytes) -> Iterator[Value]:
    """Yield the values that stand one after the other. Raises NotDer."""
    at = 0
    while at < len(encoded):
        start, tag = at, encoded[at]
        length, at = _length(encoded, at + 1)
        if at + length > len(encoded):
            raise NotDer("a value ends before its length")
        yield Value(tag, encoded[at : at + length], encoded[start : at + length])
        at += length


def _length(encoded: bytes, at: int) -> tuple[int, int]:
    if at >= len(encoded):
        raise NotDer("a value has no length")
    first = encoded[at]
    if first < _LONG:
        return first, at + 1
    count = first - _LONG
    said = encoded[at + 1 : at + 1 + count]
    # Of several lengths that say the same, DER knows the shortest.
    if not 1 <= count <= _MOST_LENGTH or len(said) != count or said[0] == 0:
        raise NotDer("a length is not in its shortest form")
    length = int.from_bytes(said, "big")
    if length < _LONG:
        raise NotDer("a length is not in its shortest form")
    return length, at + 1 + count


def one(encoded: bytes) -> Value:
    """Return the one value that the bytes are. Raises NotDer."""
    found = list(values(encoded))
    if len(found) != 1:
        raise NotDer(f"there are {len(found)} values, not one")
    return found[0]


def made(tag: int, *parts: bytes) -> bytes:
    """Return a value of these parts."""
    content = b"".join(parts)
    length = len(content)
    if length < _LONG:
        return bytes([tag, length]) + content
    said = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([tag, _LONG + len(said)]) + said + content


def number(value: int) -> bytes:
    """Return a whole number of at least 0."""
    return made(INTEGER, value.to_bytes(value.bit_length() // 8 + 1, "big"))


def oid(dotted: str) -> bytes:
    """Return an object identifier, said as `1.2.840`."""
    first, second, *others = map(int, dotted.split("."))
    content = bytearray([40 * first + second])
    for each in others:
        parts = [each & 0x7F]
        while each := each >> 7:
            parts.append(each & 0x7F | 0x80)
        content += bytes(reversed(parts))
    return made(OID, bytes(content))
