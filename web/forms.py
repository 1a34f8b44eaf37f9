"""Forms of signing in and choosing a tenant."""

from __future__ import annotations

from django import forms
from django.contrib.auth.forms import AuthenticationForm


class LoginForm(AuthenticationForm):
    """Username and password."""

    username = forms.CharField(
        max_length=150,
        widget=forms.TextInput(
            attrs={"autofocus": True, "autocomplete": "username", "autocapitalize": "none"}
        ),
    )


class SwitchTenantForm(forms.Form):
    """Which of one's own tenants to act in."""

    tenant = forms.UUIDField()
