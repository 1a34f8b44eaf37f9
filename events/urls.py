"""Addresses of the pages of inbound events."""

from __future__ import annotations

from django.urls import path

from events import views

app_name = "events"
urlpatterns = [
    path("events/", views.EventsPage.as_view(), name="list"),
    path("events/<uuid:id>/", views.EventPage.as_view(), name="detail"),
]
