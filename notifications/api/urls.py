"""Addresses of notifications and deliveries, below /api/v1/."""

from __future__ import annotations

from django.urls import path

from notifications.api import views

app_name = "notifications-api"
urlpatterns = [
    path("notifications", views.Notifications.as_view(), name="list"),
    path("notifications/<uuid:id>/read", views.NotificationRead.as_view(), name="read"),
    path("deliveries", views.Deliveries.as_view(), name="deliveries"),
]
