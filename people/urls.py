"""Addresses of one's own settings."""

from __future__ import annotations

from django.urls import path

from people import views

app_name = "people"
urlpatterns = [
    path("settings/", views.SettingsPage.as_view(), name="settings"),
    path("settings/tokens/", views.CreateToken.as_view(), name="token-create"),
    path("settings/tokens/<slug:key>/revoke/", views.RevokeToken.as_view(), name="token-revoke"),
]
