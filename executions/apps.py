"""The executions app."""

from __future__ import annotations

from django.apps import AppConfig


class ExecutionsConfig(AppConfig):
    """Registers this app's consumers, sources, describers and guarded tables."""

    name = "executions"
