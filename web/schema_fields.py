"""Form fields made from a JSON Schema, and the value that was filled in.

Shown as fields are objects within objects, text, numbers, money, yes or no, choices, days, moments
and people; lists of texts are lines, lists of objects rows. Anything else is a text area in which
JSON is written. Whether the value matches its schema is for whoever takes it to say.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ledger.clock import rfc3339
from web.form_fields import (
    NOT_OFFERED,
    DayField,
    JsonField,
    LinesField,
    MomentField,
    MoneyField,
    NumberField,
)
from web.form_layout import FormLayout, Piece, arranged
from web.labels import label_of
from web.names_field import NamesField
from web.values import code_words, is_money, is_person
from web.verb_forms import chosen_from

#: Beyond that a list is handed in as JSON.
MAX_ROWS: Final = 50
#: The button that asks for one more row; its value is the name of the rows.
ADD_ROW: Final = "add_row"
#: Ends the name of the field that says how many rows of a list there are.
ROWS: Final = ".rows"
_COLUMNS: Final = 6
_DEPTH: Final = 3
# Longer texts get a text area.
_ONE_LINE: Final = 200
_ABSENT: Final = object()
#: Widgets of what is chosen.
_CHOSEN: Final = frozenset({"radio", "select"})
_SINGLE: Final = frozenset({"string", "number", "integer", "boolean"})
Schema = Mapping[str, Any]


@dataclasses.dataclass
class Part:
    """A field, a group of parts, or rows of fields; `key` is its member's name in the value."""

    kind: Literal["field", "group", "rows"]
    name: str
    key: str
    title: str
    help: str
    required: bool
    parts: list[Part] = dataclasses.field(default_factory=list)
    rows: list[list[Part]] = dataclasses.field(default_factory=list)


class SchemaFields:
    """The fields for one object. `data` is what was sent: it says how many rows there are.
    `layout` is about the object's own members."""

    def __init__(
        self,
        prefix: str,
        schema: Schema,
        data: Mapping[str, Any] | None = None,
        layout: FormLayout | None = None,
    ) -> None:
        self._layout = layout or FormLayout()
        self.fields: dict[str, forms.Field] = {}
        #: What a required member lacks, by the name of its field; known after `read`.
        self.missing: list[str] = []
        #: Where the rows of a list stand on the form, by the name of the list: empty ones are
        #: no rows of the value.
        self.numbers: dict[str, list[int]] = {}
        self._data = data or {}
        self.parts = self._parts(prefix, schema, depth=0, enforced=True)

    def read(self, cleaned: Mapping[str, Any]) -> Any:
        """Return the object that was filled in, None where nothing was."""
        self.missing.clear()
        found, _filled = self._object(self.parts, cleaned)
        return found or None

    def layout(self, form: forms.Form) -> list[dict[str, Any]]:
        """Return what components/schema_parts.html shows."""
        pieces = (Piece(part.key, self._shown(part, form)) for part in self.parts)
        return arranged(pieces, self._layout)

    def place_of(self, path: list[str]) -> str:
        """Return the name of the field that a JSON pointer leads to, or to what it is inside."""
        for end in range(len(path), 0, -1):
            names = list(path[:end])
            for at in range(1, len(names)):
                kept = self.numbers.get(".".join(names[:at]))
                if kept is not None and names[at].isdigit() and int(names[at]) < len(kept):
                    names[at] = str(kept[int(names[at])])
            if ".".join(names) in self.fields:
                return ".".join(names)
        return ""

    def title_of(self, path: list[str]) -> str:
        """Return how the innermost part is called that a JSON pointer leads to."""
        found = ""
        for part in _every(self.parts):
            if ".".join(path[: part.name.count(".") + 1]) == part.name:
                found = part.title
        return found

    def _parts(self, prefix: str, schema: Schema, *, depth: int, enforced: bool) -> list[Part]:
        required = set(schema.get("required", ()))
        return [
            self._part(
                f"{prefix}.{key}",
                key,
                _mapping(inner),
                required=key in required,
                depth=depth,
                enforced=enforced,
            )
            for key, inner in schema["properties"].items()
        ]

    def _part(
        self, name: str, key: str, schema: Schema, *, required: bool, depth: int, enforced: bool
    ) -> Part:
        title = str(schema.get("title") or label_of(key))
        part = Part("field", name, key, title, str(schema.get("description") or ""), required)
        if is_record(schema) and depth < _DEPTH and not _dotted(schema):
            part.kind = "group"
            enforced = enforced and required
            part.parts = self._parts(name, schema, depth=depth + 1, enforced=enforced)
        elif _is_table(schema):
            part.kind = "rows"
            part.rows = [self._row(name, schema["items"], n) for n in range(self._count(name))]
        else:
            # Only its own members are in a layout.
            widget = "" if depth else self._layout.widgets.get(key, "")
            self.fields[name] = field_of(key, schema, required=required and enforced, widget=widget)
        return part

    def _row(self, name: str, items: Schema, number: int) -> list[Part]:
        cells = self._parts(f"{name}.{number}", items, depth=_DEPTH, enforced=False)
        for cell in cells:
            field = self.fields[cell.name]
            # What a field adds to its title, such as its currency, is said of its column too.
            added = str(field.label).removeprefix(cell.title)
            label = _("%(column)s, row %(n)d") % {"column": cell.title, "n": number + 1}
            field.label, cell.title = label + added, cell.title + added
            if self._data.get(ADD_ROW) == name and number == self._count(name) - 1:
                first = cell is cells[0]
                field.widget.attrs |= {"autofocus": True} if first else {}
        return cells

    def _count(self, name: str) -> int:
        said = str(self._data.get(name + ROWS, ""))
        count = int(said) if said.isascii() and said.isdigit() and len(said) < len("1000") else 1
        return max(1, min(MAX_ROWS, count + (self._data.get(ADD_ROW) == name)))

    def _object(self, parts: list[Part], cleaned: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
        """Return an object, and whether anything was filled in."""
        found: dict[str, Any] = {}
        lacking: list[str] = []
        filled = False
        for part in parts:
            value, is_filled = self._value(part, cleaned)
            filled = filled or is_filled
            if value is not _ABSENT:
                found[part.key] = value
            elif part.required and part.name in self.fields:
                lacking.append(part.name)
        if filled:
            self.missing += lacking
        return found, filled

    def _value(self, part: Part, cleaned: Mapping[str, Any]) -> tuple[Any, bool]:
        if part.kind == "group":
            found, filled = self._object(part.parts, cleaned)
            return (found if filled or part.required else _ABSENT), filled
        if part.kind == "rows":
            return self._list(part, cleaned)
        value = cleaned.get(part.name)
        if isinstance(value, bool):
            return value, value
        if value is None or value in ("", []):
            return _ABSENT, False
        return (rfc3339(value) if isinstance(value, dt.datetime) else value), True

    def _list(self, part: Part, cleaned: Mapping[str, Any]) -> tuple[Any, bool]:
        found, kept = [], []
        for number, cells in enumerate(part.rows):
            row, filled = self._object(cells, cleaned)
            if filled:
                found.append(row)
                kept.append(number)
        self.numbers[part.name] = kept
        return (found if found or part.required else _ABSENT), bool(found)

    def _shown(self, part: Part, form: forms.Form) -> dict[str, Any]:
        said = {"kind": part.kind, "name": part.name, "title": part.title, "help": part.help}
        if part.kind == "field":
            return {**said, "field": form[part.name]}
        if part.kind == "group":
            return {**said, "parts": [self._shown(each, form) for each in part.parts]}
        return {
            **said,
            "heads": [cell.title for cell in part.rows[0]],
            "rows": [[form[cell.name] for cell in row] for row in part.rows],
            "count_name": part.name + ROWS,
            "count": len(part.rows),
            "can_add": len(part.rows) < MAX_ROWS,
        }


def is_record(schema: Schema) -> bool:
    """Whether a schema is of an object whose members it names."""
    return isinstance(schema.get("properties"), dict) and schema.get("type", "object") == "object"


def field_of(key: str, schema: Schema, *, required: bool, widget: str = "") -> forms.Field:
    """Return the form field for one value that is shown as one field."""
    common: dict[str, Any] = {
        "label": str(schema.get("title") or label_of(key)),
        "help_text": str(schema.get("description") or ""),
        "required": required,
    }
    kind = type_of(schema)
    offered = schema.get("enum")
    if kind == "boolean" and offered is None and widget in _CHOSEN:
        offered = [True, False]
    if isinstance(offered, list):
        return _choice(offered, common, widget)
    if kind == "boolean":
        # A box that must be ticked would refuse "no".
        return forms.BooleanField(**{**common, "required": False})
    if kind == "integer" and is_money(schema):
        return MoneyField(schema["currency"], **common, **_bounds(schema))
    if kind in {"integer", "number"}:
        step = "1" if kind == "integer" else "any"
        return NumberField(step=step, **common, **_bounds(schema))
    if kind == "array" and type_of(_mapping(schema.get("items"))) == "string":
        return _texts(schema["items"], common)
    return _text(schema, common, widget) if kind == "string" else json_field(schema, **common)


def _texts(items: Schema, common: dict[str, Any]) -> forms.Field:
    if is_person(items):
        return NamesField("people", **common)
    return LinesField(**{**common, "help_text": common["help_text"] or _("One in each line.")})


def json_field(schema: Schema, **common: Any) -> JsonField:
    """Return a text area in which JSON is written."""
    help_text = common.pop("help_text", "") or str(schema.get("description") or "")
    return JsonField(**common, help_text=help_text or gettext_lazy("Written as JSON."))


def text_area(**common: Any) -> forms.CharField:
    """Return a text area."""
    return forms.CharField(**common, widget=forms.Textarea(attrs={"rows": 3}))


def type_of(schema: Schema) -> str:
    """Return the one type of a value besides null, or "" when there are several."""
    types = schema.get("type", "")
    listed = [each for each in types if each != "null"] if isinstance(types, list) else [types]
    return str(listed[0]) if len(listed) == 1 else ""


def _text(schema: Schema, common: dict[str, Any], widget: str) -> forms.Field:
    if schema.get("format") == "date":
        return DayField(**common)
    if schema.get("format") == "date-time":
        return MomentField(**common)
    if is_person(schema):
        return forms.CharField(**common, widget=chosen_from("username"))
    longest = schema.get("maxLength", _ONE_LINE)
    is_short = isinstance(longest, int) and longest <= _ONE_LINE and widget != "textarea"
    return forms.CharField(**common) if is_short else text_area(**common)


def _bounds(schema: Schema) -> dict[str, Any]:
    said = {name: schema.get(name) for name in ("minimum", "maximum")}
    return {name: each for name, each in said.items() if isinstance(each, int | float)}


def _choice(values: list[Any], common: dict[str, Any], widget: str) -> forms.Field:
    """Return a select, or radio buttons, whose answers keep the type they have in the schema."""
    choices = [(json.dumps(each), _choice_words(each)) for each in values]
    # A select begins with no answer; of radio buttons that is one only where it may stay open.
    unsaid = [] if widget == "radio" and common["required"] else [("", "—")]
    return forms.TypedChoiceField(
        error_messages=NOT_OFFERED,
        **common,
        choices=[*unsaid, *choices],
        coerce=json.loads,
        empty_value=None,
        widget=forms.RadioSelect if widget == "radio" else forms.Select,
    )


def _choice_words(value: Any) -> str:
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    return code_words(value) if isinstance(value, str) else json.dumps(value)


def _is_table(schema: Schema) -> bool:
    """Whether a schema is of a list of objects that fit a row: few members, each one value."""
    items = _mapping(schema.get("items"))
    if type_of(schema) != "array" or not is_record(items) or _dotted(items):
        return False
    cells = [_mapping(each) for each in items["properties"].values()]
    single = all("enum" in each or type_of(each) in _SINGLE for each in cells)
    return single and 0 < len(cells) <= _COLUMNS


def _dotted(schema: Schema) -> bool:
    """Whether a member's name would be taken for two."""
    return any("." in key for key in schema["properties"])


def _mapping(schema: Any) -> Schema:
    return schema if isinstance(schema, Mapping) else {}


def _every(parts: list[Part]) -> Iterator[Part]:
    for part in parts:
        yield part
        yield from _every(part.parts)
