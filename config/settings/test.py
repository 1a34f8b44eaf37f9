"""Settings of the test suite: real PostgreSQL and Redis named by the environment."""

from __future__ import annotations

import os

from config import env
from config.settings.base import *  # noqa: F403  -- a settings module extends its base
from config.settings.base import INSTALLED_APPS

DEBUG = False
SECRET_KEY = "test-only-not-a-secret-" + "x" * 32
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "testserver"]
_here = env.read(env.Environment)
_url = _here.database_url
DATABASES = {
    "default": env.database(_url, limits=_here.limits) if _url else {"ENGINE": "ledger.postgresql"}
}
REDIS_URL = _here.REDIS_URL or ""
# Suites that run side by side share a server, but not each other's messages.
_beside = os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")
REDIS_URL = REDIS_URL.replace("?db=0", f"?db={_beside}")
AMENDS_BROKER_URL = _here.AMENDS_BROKER_URL
AMENDS_RATES_REDIS = env.redis_urls(REDIS_URL).client if REDIS_URL else ""

AMENDS_DEMO = True
INSTALLED_APPS = ["config.demo.apps.DemoConfig", *INSTALLED_APPS, "tools.localstack"]

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
AXES_ENABLED = True
# Most tests have no worker; those about its silence say for how long.
AMENDS_WORKERS_SILENT_SECONDS = 0
# The suite asks faster than any person or program; tests of limits set their own.
AMENDS_RATES = dict.fromkeys(_here.rates, 0)

# Static files are served from their sources: a test needs no collected copy.
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
WHITENOISE_AUTOREFRESH = True
WHITENOISE_USE_FINDERS = True

# What tests record is sealed by those that are about it; time passes for others too.
AMENDS_SEAL_SECONDS = 10_000 * 86_400
