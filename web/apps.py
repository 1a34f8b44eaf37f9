"""The web app: what every page and every API operation stands on."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig
from typing_extensions import override


class WebConfig(AppConfig):
    """Sign-in, template tags, and the answers kept under an Idempotency-Key."""

    name = "web"

    @override
    def ready(self) -> None:
        """Say what its tables keep about people."""
        personal = import_module("web.personal")
        import_module("ledger.erasure.personal_data").declare(*personal.TABLES)
