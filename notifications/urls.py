"""Addresses of one's notifications."""

from __future__ import annotations

from django.urls import path

from notifications import views

app_name = "notifications"
urlpatterns = [
    path("notifications/", views.NotificationsPage.as_view(), name="list"),
    path("notifications/read/", views.ReadAllPage.as_view(), name="read-all"),
    path("notifications/<uuid:id>/read/", views.ReadPage.as_view(), name="read"),
]
