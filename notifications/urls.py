"""Addresses of one's notifications."""

from __future__ import annotations

from django.urls import path

from notifications import views
from web.verb_pages import verb_page_paths

app_name = "notifications"
urlpatterns = [
    path("notifications/", views.NotificationsPage.as_view(), name="list"),
    path("notifications/read/", views.ReadAllPage.as_view(), name="read-all"),
    path("notifications/<uuid:id>/open/", views.OpenPage.as_view(), name="open"),
    *verb_page_paths("delivery", "notifications/<uuid:id>/"),
]
