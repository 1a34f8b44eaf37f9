"""Several names in one field: those there are to choose from are ticked, others are typed."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django import forms
from typing_extensions import override

from web.form_fields import NOT_OFFERED
from web.kept_text import MOST
from web.labels import label_of

#: A name that is offered, and how it reads.
Offer = tuple[str, str]


class NamesInput(forms.TextInput):
    """A line in which names are separated by commas, beside boxes for those that are offered.

    `of` is the list they are chosen from (`web.templatetags.name_lists`, which sets `offered`).
    `closed`: there are no others than those offered, and no line.
    """

    def __init__(self, of: str = "", offered: Sequence[Offer] = (), *, closed: bool = False):
        super().__init__({"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"})
        self.of, self.offered, self.closed = of, offered, closed

    @override
    def value_from_datadict(self, data: Mapping[str, Any], files: Any, name: str) -> Any:
        """Return all that was sent under the name; None for nothing."""
        if name not in data:
            return None
        every = getattr(data, "getlist", None)
        return [data[name]] if every is None else every(name)

    @override
    def format_value(self, value: Any) -> str:
        """Return the names for which there is no box, as they are typed."""
        boxes = {name for name, _label in self.offered}
        typed = ", ".join(_quoted(name) for name in value or () if name not in boxes)
        # No list of names is as long; in quotes a text may be twice as long as it was sent.
        return typed[:MOST]

    def boxes(self, names: Sequence[str], id_: str) -> list[dict[str, Any]]:
        """Return what the boxes are, of which those of `names` are ticked."""
        return [
            {
                "id": f"{id_}_{number}",
                "value": _quoted(name),
                "label": label or label_of(name),
                "hint": name if label and self.of == "people" and label != name else "",
                "checked": name in names,
            }
            for number, (name, label) in enumerate(self.offered)
        ]


class NamesField(forms.Field):
    """Names, each once. None where the form did not ask for them."""

    widget: NamesInput
    #: Whether it begins with those there are, so that none is an answer too.
    says_all = False

    def __init__(
        self, of: str = "", offered: Sequence[Offer] = (), *, closed: bool = False, **common: Any
    ) -> None:
        super().__init__(widget=NamesInput(of, offered, closed=closed), **common)

    @override
    def to_python(self, value: Any) -> list[str] | None:
        """Return the names, trimmed, without empty ones."""
        return None if value is None else names_in(value)

    @override
    def validate(self, value: Any) -> None:
        """Refuse what is not offered where nothing else may be said."""
        super().validate(value)
        if self.widget.closed and set(value or ()) - {name for name, _label in self.widget.offered}:
            raise forms.ValidationError(NOT_OFFERED["invalid_choice"], code="invalid_choice")

    @override
    def bound_data(self, data: Any, initial: Any) -> list[str]:
        return names_in(data)

    @override
    def prepare_value(self, value: Any) -> list[str]:
        """Return the names that a page begins with, or that were sent."""
        return list(value) if isinstance(value, list | tuple) else names_in(value)

    @override
    def has_changed(self, initial: Any, data: Any) -> bool:
        return self.prepare_value(initial) != names_in(data)


def names_in(value: Any) -> list[str]:
    """Return the names in a text, or in several: one that has a comma in it stands in quotes."""
    texts: Iterable[Any] = value if isinstance(value, list | tuple) else (value or "",)
    lines = (" ".join(str(text).splitlines()) for text in texts)
    names = (name.strip() for line in lines for name in _parts(line))
    return list(dict.fromkeys(filter(None, names)))


def _parts(line: str) -> list[str]:
    try:
        return next(csv.reader([line], skipinitialspace=True), [])
    except csv.Error:
        # Longer than it reads: that is refused for its length.
        return line.split(",")


def _quoted(name: str) -> str:
    apart = '"' + name.replace('"', '""') + '"'
    return apart if "," in name or name.startswith('"') else name
