"""How the form of a value is laid out, beside what its JSON Schema says: in which order its members
are asked for, with which widgets, and under which titles.

The schema stays the one that says what is asked; a layout names its members and nothing else. Who
fills the form in by a program never sees it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, Final, Literal, NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic import Field

from json_values.declarations import expanded
from json_values.pointers import FieldError, escape
from verbs.body_size import at_most
from verbs.input import Input, Name

MOST_FIELDS, MOST_GROUPS = 100, 20
#: As JSON.
LAYOUT_BYTES: Final = 8 * 1024
#: Asked for only when somebody opens the rest.
HIDDEN: Final = "hidden-by-default"
Widget = Literal["textarea", "radio", "select", "hidden-by-default"]
_Field = Annotated[str, Field(min_length=1, max_length=200)]


class FieldGroup(Input):
    """Members that belong together, under a title."""

    title: Name
    fields: Annotated[list[_Field], Field(min_length=1, max_length=MOST_FIELDS)]


class FormLayout(Input):
    """Members in `order` come first, the others as the schema has them; groups come last."""

    order: Annotated[list[_Field], Field(max_length=MOST_FIELDS)] = []
    widgets: Annotated[dict[_Field, Widget], Field(max_length=MOST_FIELDS)] = {}
    groups: Annotated[list[FieldGroup], Field(max_length=MOST_GROUPS)] = []


Layout = Annotated[FormLayout | None, at_most(LAYOUT_BYTES)]


def layout_of(kept: Mapping[str, Any] | None) -> FormLayout | None:
    """Return a layout as a row keeps it."""
    return None if kept is None else FormLayout.model_validate(kept)


def kept_layout(
    said: FormLayout | None, schema: Any, problems: list[FieldError]
) -> dict[str, Any] | None:
    """Return what a row keeps of a layout; note what is wrong with it."""
    if said is None:
        return None
    problems.extend(faults_of_layout(said, schema, "/form"))
    kept: dict[str, Any] = said.model_dump(exclude_defaults=True)
    if len(json.dumps(kept)) > LAYOUT_BYTES:
        message = _("must be at most %(n)d bytes of JSON") % {"n": LAYOUT_BYTES}
        problems.append(FieldError("/form", message))
    return kept or None


class Piece(NamedTuple):
    """A member of the value, and how components/schema_parts.html shows it."""

    key: str
    shown: dict[str, Any]


def faults_of_layout(layout: FormLayout, schema: Any, pointer: str) -> Iterator[FieldError]:
    """Yield what a layout says that its schema knows nothing of."""
    whole = expanded(schema) if isinstance(schema, Mapping) else {}
    members = whole.get("properties") if isinstance(whole, Mapping) else None
    known = members if isinstance(members, Mapping) else {}
    grouped = [
        (f"{pointer}/groups/{number}/fields/{place}", name)
        for number, group in enumerate(layout.groups)
        for place, name in enumerate(group.fields)
    ]
    ordered = [(f"{pointer}/order/{place}", name) for place, name in enumerate(layout.order)]
    worn = [(f"{pointer}/widgets/{escape(name)}", name) for name in layout.widgets]
    for where, name in [*ordered, *worn, *grouped]:
        if name not in known:
            message = _("The schema of the result has no member of this name.")
            yield FieldError(where, message, "unknown")
    yield from _repeated(ordered)
    yield from _repeated(grouped)
    for where, name in worn:
        widget = layout.widgets[name]
        if name in known and not _suits(widget, known[name]):
            yield FieldError(where, str(_SUITED[widget]), "unsupported")


def _repeated(named: Sequence[tuple[str, str]]) -> Iterator[FieldError]:
    seen: set[str] = set()
    for where, name in named:
        if name in seen:
            yield FieldError(where, _("is there already"), "repeated")
        seen.add(name)


_SUITED: Final = {
    "textarea": gettext_lazy("a textarea is for a text"),
    "radio": gettext_lazy("radio is for an enum, and for true or false"),
    "select": gettext_lazy("select is for an enum, and for true or false"),
}


def _suits(widget: str, schema: Any) -> bool:
    said = schema if isinstance(schema, Mapping) else {}
    if widget == HIDDEN:
        return True
    if widget == "textarea":
        return _is_one(said, "string") and not {"enum", "format"} & said.keys()
    return isinstance(said.get("enum"), list) or _is_one(said, "boolean")


def _is_one(schema: Mapping[str, Any], kind: str) -> bool:
    types = schema.get("type")
    listed = types if isinstance(types, list) else [types]
    return [each for each in listed if each != "null"] == [kind]


def arranged(pieces: Iterable[Piece], layout: FormLayout) -> list[dict[str, Any]]:
    """Return what a form shows, in the order of its layout. What that does not know is kept, so
    that nothing which has to be said is ever missing."""
    left = {piece.key: piece.shown for piece in pieces}
    grouped = {name for group in layout.groups for name in group.fields}
    first = [name for name in layout.order if name not in grouped]
    free = [*first, *(key for key in left if key not in grouped and key not in first)]
    found = _with_rest(left, free, layout)
    for group in layout.groups:
        parts = _with_rest(left, group.fields, layout)
        if parts:
            found.append({"kind": "group", "title": group.title, "help": "", "parts": parts})
    return found


def _with_rest(
    left: Mapping[str, dict[str, Any]], names: Collection[str], layout: FormLayout
) -> list[dict[str, Any]]:
    """Return the members of these names, those that are hidden at first in one place at the end."""
    there = [name for name in names if name in left]
    shown = [left[name] for name in there if layout.widgets.get(name) != HIDDEN]
    hidden = [left[name] for name in there if layout.widgets.get(name) == HIDDEN]
    if hidden:
        used = any(map(_is_used, hidden))
        shown.append({"kind": "folded", "title": _("More"), "parts": hidden, "open": used})
    return shown


def _is_used(part: Mapping[str, Any]) -> bool:
    """Whether something was said in a part, or is wrong with it."""
    if part["kind"] == "field":
        fields = [part["field"]]
    elif part["kind"] == "rows":
        fields = [cell for row in part["rows"] for cell in row]
    else:
        return any(map(_is_used, part["parts"]))
    return any(each.errors or each.value() not in (None, "", [], False) for each in fields)
