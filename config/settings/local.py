"""Settings of a developer's machine: the local stack of `make run`, demo data, loopback only."""

from __future__ import annotations

from config import env
from config.settings.base import *  # noqa: F403  -- a settings module extends its base
from config.settings.base import BASE_DIR, INSTALLED_APPS
from tools.localstack import stack

_here = env.read(env.Environment)
_running = stack.running(BASE_DIR) if _here.DATABASE_URL is None else None

INSTALLED_APPS = [*INSTALLED_APPS, "tools.localstack"]

DEBUG = _here.AMENDS_DEBUG
SECRET_KEY = _here.AMENDS_SECRET_KEY or "local-development-only-not-a-secret-" + "x" * 32
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]

if _running is None:
    _database_url = _here.database_url
    REDIS_URL = _here.REDIS_URL or ""
else:
    _database_url = _running["DATABASE_OWNER_URL" if _here.as_owner else "DATABASE_URL"]
    REDIS_URL = _running["REDIS_URL"] if _here.REDIS_URL is None else _here.REDIS_URL

AMENDS_BROKER_URL = _here.AMENDS_BROKER_URL
AMENDS_RATES_REDIS = env.redis_urls(REDIS_URL).client if REDIS_URL else ""

# With no database named and no stack running, commands that need none (`--help`, `check`)
# still work; the first query fails with Django's own "improperly configured" sentence.
DATABASES = {
    "default": env.database(_database_url, limits=_here.limits)
    if _database_url
    else {"ENGINE": "django.db.backends.dummy"}
}

AMENDS_DEMO = _here.AMENDS_DEMO
if AMENDS_DEMO:
    INSTALLED_APPS = ["config.demo.apps.DemoConfig", *INSTALLED_APPS]

EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
# `make run` tells its parts the address with the port it chose.
AMENDS_PUBLIC_URL = _here.AMENDS_PUBLIC_URL or _here.AMENDS_URL or "http://localhost:8000"
