"""Where cases and rollbacks are in the navigation of every page."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from cases.views.runs import live_count
from web import nav
from web.nav import NavEntry


def register() -> None:
    """Add the entries; rollbacks under way are counted."""
    nav.register(
        NavEntry(key="cases", label=_("Cases"), icon="briefcase", url_name="cases:list", order=20)
    )
    nav.register(
        NavEntry(
            key="rollbacks", label=_("Rollbacks"), icon="undo-2", url_name="cases:runs", order=40,
            count=live_count, tone="undo",
        )
    )  # fmt: skip
