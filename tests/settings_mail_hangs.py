"""Settings of a product whose mail server takes what it is given and never answers."""

from __future__ import annotations

from config.settings.test import *  # noqa: F403  -- a settings module extends its base

EMAIL_BACKEND = "tests.hanging.mail.Hangs"
