"""Texts of ours as the server takes them, and values as it reads them."""

from __future__ import annotations

import datetime as dt
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from typing_extensions import override

Given = Sequence[Any] | Mapping[str, Any]
_PLACE = re.compile(r"%(?:%|s|\((\w+)\)s)")


class UnknownValue(Exception):
    """A value of a type that is not ours to write."""


def _text(value: str) -> bytes:
    if "\0" in value:
        raise psycopg.DataError("PostgreSQL text fields cannot contain NUL (0x00) bytes")
    try:
        return value.encode()
    except UnicodeEncodeError as error:
        raise psycopg.DataError("half of a character has no form in UTF-8") from error


def _array(values: Sequence[Any]) -> bytes:
    return b"{%b}" % b",".join(map(_element, values))


def _element(value: Any) -> bytes:
    if type(value) is list:
        raise UnknownValue
    said = _said(value)
    if said is None:
        return b"NULL"
    return b'"%b"' % said.replace(b"\\", rb"\\").replace(b'"', rb"\"")


_FORMS: dict[type, Callable[[Any], bytes | None]] = {
    type(None): lambda _none: None,
    bool: lambda value: b"t" if value else b"f",
    int: lambda value: b"%d" % value,
    float: lambda value: repr(value).encode(),
    str: _text,
    bytes: lambda value: b"\\x" + value.hex().encode(),
    # Without its dashes, which cost more than all the rest.
    uuid.UUID: lambda value: b"%032x" % value.int,
    dt.datetime: lambda value: value.isoformat().encode(),
    list: _array,
}


def _said(value: Any) -> bytes | None:
    form = _FORMS.get(type(value))
    if form is None:
        # A word of an enumeration is a text, and its number a number.
        form = next((_FORMS[base] for base in (str, int) if isinstance(value, base)), _unknown)
    return form(value)


def _unknown(_value: Any) -> bytes:
    raise UnknownValue


class Moment(Loader):
    """Reads a moment as Django does, in UTC, which is the time zone of its connections."""

    @override
    def load(self, data: Buffer) -> dt.datetime:
        """Return it. Raises DataError for one that Python has no form for."""
        text = bytes(data).decode()
        try:
            return dt.datetime.fromisoformat(text)
        except ValueError:
            raise psycopg.DataError(f"no moment of ours: {text}") from None


class Statement:
    """One text as the server takes it: places numbered, what is given by name in their order."""

    def __init__(self, text: str) -> None:
        self.members: dict[str, int] = {}
        self._places = 0
        self.text = _PLACE.sub(self._place, text).encode()
        self.name = b""
        self.used = 0
        self.columns: list[str] | None = None

    def _place(self, found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        self._places += 1
        number = self.members.setdefault(found[1], len(self.members) + 1) if found[1] else None
        return f"${number or self._places}"

    def values(self, given: Given) -> list[bytes | None]:
        """Return what is given, in the order of the places."""
        if isinstance(given, Mapping):
            return [_said(given[name]) for name in self.members]
        return [_said(value) for value in given]
