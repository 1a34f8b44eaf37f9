"""Forms of one's own settings."""

from __future__ import annotations

from django import forms
from django.conf import settings
from django.utils.translation import get_language_info
from django.utils.translation import gettext_lazy as _

from accounts.actions import LONGEST_TOKEN_NAME, ZONES
from web.form_fields import NOT_OFFERED


def _languages() -> list[tuple[str, object]]:
    """Return the languages there is a catalogue of, each in its own words."""
    offered = [(code, get_language_info(code)["name_local"]) for code, _name in settings.LANGUAGES]
    return [("", _("As the browser asks")), *offered]


def _zones() -> list[tuple[str, object]]:
    return [
        ("", _("As this installation has it (%(zone)s)") % {"zone": settings.TIME_ZONE}),
        *((name, name.replace("_", " ")) for name in sorted(ZONES)),
    ]


class PreferencesForm(forms.Form):
    """How pages speak to the reader."""

    language = forms.ChoiceField(
        label=_("Language"), required=False, choices=_languages, error_messages=NOT_OFFERED
    )
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        required=False,
        choices=_zones,
        error_messages=NOT_OFFERED,
        help_text=_("Times on pages are shown in it, and what you write is read in it."),
    )


class TokenForm(forms.Form):
    """What a new token is for."""

    name = forms.CharField(
        label=_("What it is for"),
        max_length=LONGEST_TOKEN_NAME,
        help_text=_("So that you know it again when you revoke it."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
