"""Addresses of one's own settings."""

from __future__ import annotations

from django.urls import path

from people import views
from people.substituting import SUBSTITUTION
from people.substitution_pages import Substitutions
from web.verb_pages import verb_page_paths

app_name = "people"
urlpatterns = [
    path("settings/", views.SettingsPage.as_view(), name="settings"),
    path("substitutions/", Substitutions.as_view(), name="substitutions"),
    *verb_page_paths(SUBSTITUTION, "substitutions/<uuid:id>/"),
    path("settings/tokens/", views.CreateToken.as_view(), name="token-create"),
    path("settings/tokens/<slug:key>/revoke/", views.RevokeToken.as_view(), name="token-revoke"),
]
