"""Addresses of one's own settings."""

from __future__ import annotations

from django.urls import path

from people import views
from people.actions import MEMBER
from people.key_pages import SignatureKeys
from people.key_verbs import KEY
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
    path("signature-keys/", SignatureKeys.as_view(), name="signature-keys"),
    *verb_page_paths(KEY, "signature-keys/<uuid:id>/"),
    path("settings/tokens/", views.CreateToken.as_view(), name="token-create"),
    path("settings/tokens/<uuid:id>/revoke/", views.RevokeToken.as_view(), name="token-revoke"),
]
