"""A form field that asks for a thing by the address of its page: what people can copy."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django import forms
from django.urls import Resolver404, resolve
from django.utils.translation import gettext_lazy as _
from typing_extensions import override

from verbs.subject import all_subjects

_LONGEST = 2000


class ReferenceField(forms.CharField):
    """The type and id of a thing. Whether there is one is for the verb to say."""

    default_error_messages = {"page": _("Copy the address of its page here, from your browser.")}

    def __init__(self, **common: Any) -> None:
        attrs = {"autocomplete": "off", "spellcheck": "false"}
        super().__init__(max_length=_LONGEST, widget=forms.TextInput(attrs=attrs), **common)

    @override
    def clean(self, value: Any) -> Any:
        """Return `{type, id}`, None where nothing is written."""
        text = super().clean(value)
        if not text:
            return None
        found = _thing_at(text)
        if found is None:
            raise forms.ValidationError(self.error_messages["page"], code="page")
        return found


def _thing_at(address: str) -> dict[str, str] | None:
    """Return what has its page at an address; below it too, where it is acted on."""
    try:
        match = resolve(urlsplit(address).path)
    except (Resolver404, ValueError):
        return None
    for subject in all_subjects():
        if subject.pages == match.namespace and "id" in match.kwargs:
            return {"type": subject.subject_type, "id": str(match.kwargs["id"])}
    return None
