"""Addresses of one's own settings."""

from __future__ import annotations

from django.urls import path

from people import views
from people.actions import MEMBER
from people.member_pages import Members
from people.substituting import SUBSTITUTION
from people.substitution_pages import Substitutions
from web.verb_pages import verb_page_paths

app_name = "people"
urlpatterns = [
    path("settings/", views.SettingsPage.as_view(), name="settings"),
    path("members/", Members.as_view(), name="members"),
    *verb_page_paths(MEMBER, "members/<uuid:id>/"),
    path("substitutions/", Substitutions.as_view(), name="substitutions"),
    *verb_page_paths(SUBSTITUTION, "substitutions/<uuid:id>/"),
    path("settings/tokens/", views.CreateToken.as_view(), name="token-create"),
    path("settings/tokens/<uuid:id>/revoke/", views.RevokeToken.as_view(), name="token-revoke"),
]
