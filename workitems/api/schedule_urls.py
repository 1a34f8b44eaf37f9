"""Addresses of schedules, below `/api/v1/`."""

from __future__ import annotations

from django.urls import URLPattern

from workitems.api.schedule_api import schedule_paths

app_name = "schedules"

urlpatterns: list[URLPattern] = schedule_paths()
