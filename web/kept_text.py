"""What somebody typed into a form that can no longer be sent: shown to be read and copied."""

from __future__ import annotations

from typing import Any

from django import forms

#: Characters of one text; no field takes more, and the page stays as long as it may be.
MOST = 20_000


def kept_texts(form: forms.BaseForm | None) -> list[dict[str, str]]:
    """Return `kept` of components/kept_text.html: what was filled in, field by field."""
    if form is None or not form.is_bound:
        return []
    said = ((field, _said(field)) for field in form.visible_fields())
    return [
        {"id": f"kept_{field.auto_id}", "label": str(field.label), "text": text[:MOST]}
        for field, text in said
        if text
    ]


def _said(field: forms.BoundField) -> str:
    data: Any = field.data
    if data is None or isinstance(data, bool):
        return ""
    if isinstance(field.field, forms.ChoiceField):
        choices: Any = field.field.choices
        labels = {str(value): str(label) for value, label in choices}
        chosen: list[str] = data if isinstance(data, list) else [str(data)]
        return ", ".join(labels.get(each, each) for each in chosen if each)
    return ", ".join(filter(None, map(str, data))) if isinstance(data, list) else str(data)
