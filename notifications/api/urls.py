"""Addresses of notifications and deliveries, below /api/v1/."""

from __future__ import annotations

from django.urls import path

from notifications.api import views
from web.verb_api import verb_paths

app_name = "notifications-api"
urlpatterns = [
    *verb_paths("delivery", collection=views.Notifications),
    path("deliveries", views.Deliveries.as_view(), name="deliveries"),
]
