"""The kinds of things that members put around an item, and what each is given."""

from __future__ import annotations

import dataclasses
import re
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Annotated, Any

from django.db.models import Model
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic import AfterValidator, StringConstraints, WithJsonSchema
from pydantic_core import PydanticCustomError

from accounts.acting import Authority
from verbs.input import Input, Name, Text
from verbs.subject import Locked, subject_of
from workitems.actions.item_hearing import heard_of_source, related_rows
from workitems.around.addition_tables import Addition, Attachment, Label, Link, Note, Relation
from workitems.around.files import (
    NewAttachment,
    attachment_columns,
    forget_file,
    keep_file,
)
from workitems.around.relating import NewRelation, lock_to_relate, relation_columns
from workitems.models import WorkItem

ITEM = WorkItem.subject_type
MAX_URL = 2000
# An address as it is sent: what is not ASCII is escaped, and nobody is named in it.
_ADDRESS = (
    r"^https?://(?:[A-Za-z0-9][A-Za-z0-9.-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?"
    r"(?:[/?#][!-~]*)?$"
)
_IS_ADDRESS = re.compile(_ADDRESS)


def _url(value: str) -> str:
    if not _IS_ADDRESS.fullmatch(value):
        raise PydanticCustomError(
            "url", _("Write an address that begins with http:// or https://.")
        )
    return value


Url = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=MAX_URL),
    AfterValidator(_url),
    WithJsonSchema({"type": "string", "pattern": _ADDRESS, "maxLength": MAX_URL}),
]


class NewNote(Input):
    """What there is to say about it."""

    text: Text


class NewLabel(Input):
    """A word by which it is told apart from others."""

    name: Name


class NewLink(Input):
    """An address elsewhere, and how it is called."""

    url: Url
    title: Name | None = None


def _columns(given: Any, _item: WorkItem, _authority: Authority) -> dict[str, Any]:
    return {name: value for name, value in given if value is not None}


def _nothing(_row: Addition) -> None:
    return None


def _lock(tenant_id: uuid.UUID, item_id: uuid.UUID) -> Locked:
    return subject_of(ITEM).lock(tenant_id, item_id)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of addition. `one` is what it is called, `verb` what adds it, as `adding` says;
    `many` is its place in the API, `most` how many an item has at most.

    `columns(given, item, authority)` is what the row keeps, in values of JSON, and raises for what
    cannot be, or not by this person.
    Of two that agree in the columns of `once` an item has one. `main` is the member of the input
    that refusals name. `locked` locks the item. `keep(row, given)` stores what is not in the row,
    and `forget(row)` removes that again where the row came to nothing. `beside(item, said)` are the
    rows that stand for the same elsewhere, `heard_by(said)` the consumers that hear of this one.
    """

    one: str
    many: str
    verb: str
    adding: str
    model: type[Addition]
    input: type[Input]
    most: int
    main: str
    columns: Callable[[Any, WorkItem, Authority], dict[str, Any]] = _columns
    once: Collection[str] = ()
    locked: Callable[[uuid.UUID, uuid.UUID], Locked] = _lock
    keep: Callable[[Addition, Any], None] | None = None
    forget: Callable[[Addition], None] = _nothing
    beside: Callable[[WorkItem, Mapping[str, Any]], Sequence[Model]] = lambda _item, _said: ()
    heard_by: Callable[[Mapping[str, Any]], Collection[str]] = lambda _said: ()

    @property
    def subject_type(self) -> str:
        """Its name among kinds of things."""
        return f"{ITEM}_{self.one}"


#: What is said of a second one where one is enough.
THERE_ALREADY: Mapping[str, Promise] = {
    "label": gettext_lazy("It has this label already."),
    "link": gettext_lazy("It has this link already."),
    "relation": gettext_lazy("They are related so already."),
    "attachment": gettext_lazy("It has this file already."),
}
KINDS = (
    Kind(
        one="note", many="notes", verb="note", adding="Write a note on it.",
        model=Note, input=NewNote, most=500, main="text",
    ),
    Kind(
        one="label", many="labels", verb="label", adding="Put a label on it.",
        model=Label, input=NewLabel, most=50, main="name", once=("name",),
    ),
    Kind(
        one="link", many="links", verb="link", adding="Link an address elsewhere.",
        model=Link, input=NewLink, most=100, main="url", once=("url",),
    ),
    Kind(
        one="relation", many="relations", verb="relate", adding="Relate it to another thing.",
        model=Relation, input=NewRelation, most=100, main="target", columns=relation_columns,
        once=("type", "target_type", "target_id"), locked=lock_to_relate, beside=related_rows,
        heard_by=heard_of_source,
    ),
    Kind(
        one="attachment", many="attachments", verb="attach", adding="Attach a file.",
        model=Attachment, input=NewAttachment, most=50, main="content",
        columns=attachment_columns, once=("name", "sha256"), keep=keep_file, forget=forget_file,
    ),
)  # fmt: skip
