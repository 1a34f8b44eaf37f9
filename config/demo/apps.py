"""The demo: capabilities with countable effects, people, examples. Only with AMENDS_DEMO=1."""

from __future__ import annotations

from django.apps import AppConfig


class DemoConfig(AppConfig):
    """Registers the demo's capabilities."""

    name = "config.demo"
    label = "demo"
