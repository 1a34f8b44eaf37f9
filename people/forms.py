"""Forms of one's own settings."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import get_language_info
from django.utils.translation import gettext_lazy as _

from accounts.actions import LONGEST_TOKEN_NAME, ZONES
from accounts.roles import Role
from web.form_fields import NOT_OFFERED
from web.names_field import NamesField


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


class MemberForm(forms.Form):
    """Who becomes a member, as what; a user is made first where an account is asked for."""

    username = forms.CharField(label=_("Username"), max_length=150)
    roles = forms.MultipleChoiceField(
        label=_("Roles"),
        required=False,
        choices=[each for each in Role.choices if each[0] != Role.MEMBER],
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": NOT_OFFERED["invalid_choice"]},
        help_text=_("Without any they work on tasks, as every member does."),
    )
    groups = NamesField("groups", label=_("Groups"), required=False)
    new = forms.BooleanField(
        label=_("Make an account of this name"),
        required=False,
        help_text=_("Otherwise they have one already, in another organisation."),
    )
    name = forms.CharField(label=_("Name"), required=False, max_length=150)
    email = forms.CharField(label=_("Email"), required=False, max_length=254)
    password = forms.CharField(
        label=_("First password"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=_("Left empty: they sign in through another service."),
    )

    def body(self) -> dict[str, Any]:
        """Return what the verb is given by a valid form."""
        said = self.cleaned_data
        found = {"username": said["username"], "roles": said["roles"]}
        found["groups"] = said["groups"] or []
        if said["new"]:
            found["account"] = {
                name: said[name] for name in ("name", "email", "password") if said[name]
            }
        return found
