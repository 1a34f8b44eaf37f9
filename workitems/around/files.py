"""Files attached to items: what may be, where its bytes are, and how they are given out.

The type is told from the name and must be what the bytes begin with; what a browser would run, or
draw as a page, is on no list. Bytes are in Django's storage, under the attachment's own id; the
ledger keeps their hash, and what is given out has it still.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, Final

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.utils.translation import gettext as _
from typing_extensions import override

from accounts.acting import Authority
from ledger.errors import Conflict, Invalid
from verbs.body_size import at_most
from verbs.input import Input, Name
from workitems.around.addition_tables import Addition, Attachment
from workitems.models import WorkItem

MAX_BYTES: Final = 10 * 1024 * 1024
_BASE64: Final = -(-MAX_BYTES // 3) * 4


@dataclasses.dataclass(frozen=True, slots=True)
class _Type:
    """A type of file, and what such bytes begin with; None: they are text."""

    name: str
    begins: bytes | None = None


_ZIP = b"PK\x03\x04"
_OFFICE = "application/vnd.openxmlformats-officedocument."
_OPEN = "application/vnd.oasis.opendocument."
#: What may be attached, by the end of its name.
TYPES: Mapping[str, _Type] = {
    "pdf": _Type("application/pdf", b"%PDF-"),
    "png": _Type("image/png", b"\x89PNG\r\n\x1a\n"),
    "jpg": _Type("image/jpeg", b"\xff\xd8\xff"),
    "jpeg": _Type("image/jpeg", b"\xff\xd8\xff"),
    "gif": _Type("image/gif", b"GIF8"),
    "webp": _Type("image/webp", b"RIFF"),
    "docx": _Type(f"{_OFFICE}wordprocessingml.document", _ZIP),
    "xlsx": _Type(f"{_OFFICE}spreadsheetml.sheet", _ZIP),
    "pptx": _Type(f"{_OFFICE}presentationml.presentation", _ZIP),
    "odt": _Type(f"{_OPEN}text", _ZIP),
    "ods": _Type(f"{_OPEN}spreadsheet", _ZIP),
    "txt": _Type("text/plain"),
    "csv": _Type("text/csv"),
    "json": _Type("application/json"),
}
#: What a sender says that knows no better.
_ANY = frozenset({"", "application/octet-stream"})


class NewAttachment(Input):
    """A file: its name, its bytes in Base64, and its type, if the sender knows it."""

    name: Name
    # Three times that is read: its bound is that of text in the hands of the usual libraries.
    content: Annotated[str, at_most(_BASE64 // 3 + 1, contentEncoding="base64")]
    content_type: Name | None = None

    @classmethod
    @override
    def check_storable(cls, body: Mapping[str, Any]) -> None:
        """As of others; the bytes are no text that a row keeps, and have a bound of their own."""
        super().check_storable({name: body[name] for name in body if name != "content"})


def attachment_columns(
    given: NewAttachment, _item: WorkItem, _authority: Authority
) -> dict[str, Any]:
    """Return what the row keeps. Raises Invalid for what may not be attached."""
    content = content_of(given)
    name = given.name.replace("\\", "/").rpartition("/")[2].strip()
    type_ = TYPES.get(name.rpartition(".")[2].lower()) if "." in name.strip(".") else None
    if type_ is None:
        known = ", ".join(sorted(TYPES))
        raise Invalid.field(
            "/name", _("must end in one of %(known)s") % {"known": known}, code="forbidden_type"
        )
    told = (given.content_type or "").partition(";")[0].strip().lower()
    if told not in _ANY and told not in type_names():
        raise Invalid.field(
            "/content_type", _("%(kind)s is not taken") % {"kind": told}, code="forbidden_type"
        )
    if not _is_of(type_, content):
        raise Invalid.field(
            "/content", _("is no %(kind)s") % {"kind": type_.name}, code="forbidden_type"
        )
    return {
        "name": name,
        "content_type": type_.name,
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def type_names() -> set[str]:
    """Return the types of what may be attached."""
    return {each.name for each in TYPES.values()}


def content_of(given: NewAttachment) -> bytes:
    """Return the bytes. Raises Invalid for none, for too many, and for what is no Base64."""
    if len(given.content) > _BASE64:
        raise _too_large()
    try:
        content = base64.b64decode(given.content, validate=True)
    except (binascii.Error, ValueError):
        raise Invalid.field("/content", _("must be Base64"), code="base64") from None
    if len(content) > MAX_BYTES:
        raise _too_large()
    if not content:
        raise Invalid.field("/content", _("is empty"), code="empty")
    return content


def _too_large() -> Invalid:
    message = _("A file may have at most %(n)d bytes.") % {"n": MAX_BYTES}
    return Invalid.field("/content", message, code="too_large")


def _is_of(type_: _Type, content: bytes) -> bool:
    if type_.begins is not None:
        return content.startswith(type_.begins)
    try:
        return "\x00" not in content.decode("utf-8")
    except UnicodeDecodeError:
        return False


def keep_file(row: Addition, given: NewAttachment) -> None:
    """Store the bytes of a row that is about to be inserted. All was checked; the item is locked
    for as long as that takes."""
    default_storage.save(_place(row), ContentFile(content_of(given)))


def forget_file(row: Addition) -> None:
    """Remove the bytes of a row that was not inserted after all, or of one that is erased."""
    default_storage.delete(_place(row))


def readable(row: Attachment) -> str:
    """Return what a text says that is attached; "" for what is no text, or not there."""
    if not row.content_type.startswith(("text/", "application/json")):
        return ""
    try:
        with default_storage.open(_place(row)) as file:
            return bytes(file.read()).decode("utf-8", errors="replace")
    except OSError:
        return ""


def stored(row: Attachment) -> bytes:
    """Return the bytes as they were attached. Raises Conflict for others, or none."""
    try:
        with default_storage.open(_place(row)) as file:
            content = bytes(file.read())
    except OSError:
        content = b""
    if hashlib.sha256(content).hexdigest() != row.sha256:
        raise Conflict(_("What is stored is not what was attached."), code="damaged")
    return content


def _place(row: Addition) -> str:
    return f"{row.tenant_id}/{row.id}"
