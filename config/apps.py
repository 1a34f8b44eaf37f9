"""The config app: commands, Celery, and the poke it gives to the dispatcher."""

from __future__ import annotations

from django.apps import AppConfig


class ConfigConfig(AppConfig):
    """Installs the doorbell."""

    name = "config"
