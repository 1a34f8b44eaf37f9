"""Settings of a product without cases and without notifications: what lies below must not miss
them."""

from __future__ import annotations

from config.settings.test import *  # noqa: F403  -- a settings module extends its base
from config.settings.test import INSTALLED_APPS

INSTALLED_APPS = [
    app for app in INSTALLED_APPS if app.partition(".")[0] not in ("cases", "notifications")
]
