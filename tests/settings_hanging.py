"""Settings of a product with a capability that never returns."""

from __future__ import annotations

from config.settings.test import *  # noqa: F403  -- a settings module extends its base
from config.settings.test import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.hanging"]
