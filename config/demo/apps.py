"""The demo: capabilities with countable effects, people, examples. Only with AMENDS_DEMO=1."""

from __future__ import annotations

from importlib import import_module

from django.apps import AppConfig, apps
from django.utils.module_loading import import_string
from typing_extensions import override


class DemoConfig(AppConfig):
    """Registers the demo's capabilities, and what it adds to the first page."""

    name = "config.demo"
    label = "demo"

    @override
    def ready(self) -> None:
        """Say what its tables keep about people, and on the first page who can log in, and offer
        the story, which is about a case.

        The page is loaded when it is first shown: loaded now, it would load other apps before their
        turn, and the catalogue of verbs keeps the order in which they are declared.
        """
        personal = import_module("config.demo.personal")
        import_module("ledger.erasure.personal_data").declare(*personal.TABLES)
        if apps.is_installed("cases"):
            nav = import_module("web.nav")
            nav.register_hint(lambda: import_string("config.demo.views.first_page")())  # noqa: PLW0108  -- when it is shown
