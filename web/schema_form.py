"""A form that asks for one value as its JSON Schema declares it, beside fields of its own.

One for all pages: objects are fields, groups and rows, the rest is JSON. Whether the value matches
its schema is for the verb that takes it to say; `refuse` says that at the fields.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from typing_extensions import override

from json_values.declarations import expanded
from ledger.errors import Refusal
from web.form_fields import JsonField
from web.form_layout import FormLayout
from web.schema_fields import Schema, SchemaFields


class SchemaForm(forms.Form):
    """`whole` is the name of the value in the verb's input, and begins the names of its fields.

    `rows` is what was sent before, where the form is shown again without being judged.
    """

    whole: ClassVar[str]

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        rows: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(data, **kwargs)
        self._said: SchemaFields | None = None
        sent = data if data is not None else rows
        self.make(sent or {})
        if rows is not None:
            known = {name: rows[name] for name in self.fields if name in rows}
            self.initial = {**self.initial, **known}

    def make(self, sent: Mapping[str, Any]) -> None:
        """Make the fields, for what was sent."""
        raise NotImplementedError

    def widen(self, sent: Mapping[str, Any]) -> None:
        """Make room for what was sent before."""
        self.make(sent)

    def ask(
        self, schema: Schema, sent: Mapping[str, Any], layout: FormLayout | None = None
    ) -> None:
        """Ask for the members of an object."""
        self._said = SchemaFields(self.whole, expanded(schema), sent, layout)
        self.fields |= self._said.fields

    @override
    def clean(self) -> dict[str, Any]:
        """Ask for what a row, or a group, lacks that is not empty."""
        if self._said is not None:
            self._said.read(self.cleaned_data)
            for name in self._said.missing:
                if name not in self.errors:
                    self.add_error(name, self.fields[name].error_messages["required"])
        return self.cleaned_data

    @property
    def parts(self) -> list[dict[str, Any]]:
        """What is asked, fields of its own first, in the order of its author, as
        components/schema_parts.html shows it."""
        listed = [] if self._said is None else self._said.layout(self)
        of_schema = set() if self._said is None else self._said.fields.keys()
        own = [each for each in self.visible_fields() if each.name not in of_schema]
        return [*({"kind": "field", "field": each} for each in own), *listed]

    @property
    def has_rows(self) -> bool:
        """Whether it has buttons besides those that send it."""
        return any(part["kind"] == "rows" for part in _all_parts(self.parts))

    def read_schema(self) -> Any:
        """Return the object that was filled in, None where nothing was, or nothing is asked."""
        return None if self._said is None else self._said.read(self.cleaned_data)

    def refuse(self, refusal: Refusal) -> bool:
        """Say every broken rule at its field; one that has no field, at the top. Whether any is
        said now."""
        known = set(self.errors)
        for each in refusal.errors:
            path = each.pointer.strip("/").split("/")
            name = self._place_of(path)
            inside = ".".join(path) + "."
            if not name and any(field.startswith(inside) for field in self.errors):
                # What the schema misses there is what that field has said already.
                continue
            if not name:
                title = "" if self._said is None else self._said.title_of(path)
                self.add_error(None, f"{title}: {each.message}" if title else each.message)
            elif name not in known:
                self.add_error(name, self._at(name, path, each.message))
        return bool(self.errors)

    def _at(self, name: str, path: list[str], message: str) -> str:
        """Return a rule with its place, where one field is all of a value."""
        inner = path[name.count(".") + 1 :]
        is_json = name == self.whole or isinstance(self.fields[name], JsonField)
        return f"/{'/'.join(inner)}: {message}" if inner and is_json else message

    def _place_of(self, path: list[str]) -> str:
        if self._said is not None and (found := self._said.place_of(path)):
            return found
        names = (".".join(path[:length]) for length in range(len(path), 0, -1))
        return next((name for name in names if name in self.fields), "")


def _all_parts(parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each for part in parts for each in (part, *_all_parts(part.get("parts", [])))]
