"""The web app: what every page and every API operation stands on."""

from __future__ import annotations

from django.apps import AppConfig


class WebConfig(AppConfig):
    """Sign-in, template tags, and the answers kept under an Idempotency-Key."""

    name = "web"
