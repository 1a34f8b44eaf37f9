"""Addresses of the demo."""

from __future__ import annotations

from django.urls import path

from config.demo.views import load_story

app_name = "demo"
urlpatterns = [path("demo/story/", load_story, name="story")]
