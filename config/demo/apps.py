"""The demo: capabilities with countable effects, people, examples. Only with AMENDS_DEMO=1."""

from __future__ import annotations

from django.apps import AppConfig
from typing_extensions import override


class DemoConfig(AppConfig):
    """Registers the demo's capabilities, and what it adds to the first page."""

    name = "config.demo"
    label = "demo"

    @override
    def ready(self) -> None:
        """Say on the first page who can log in. Models are loaded only now."""
        from config.demo.views import first_page  # noqa: PLC0415  -- needs loaded models
        from web import nav  # noqa: PLC0415  -- needs loaded models

        nav.register_hint(first_page)
