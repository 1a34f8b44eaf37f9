"""Settings of a developer's machine: the local stack of `make run`, demo data, loopback only."""

from __future__ import annotations

from config import env
from config.settings.base import *  # noqa: F403  -- a settings module extends its base
from config.settings.base import BASE_DIR, INSTALLED_APPS
from tools.localstack import stack

_running = None if env.is_set("DATABASE_URL") else stack.running(BASE_DIR)
_AS_OWNER = env.choice("AMENDS_DB_ROLE", ("app", "owner"), default="app") == "owner"

INSTALLED_APPS = [*INSTALLED_APPS, "tools.localstack"]

DEBUG = env.flag("AMENDS_DEBUG", default=False)
SECRET_KEY = env.text(
    "AMENDS_SECRET_KEY", default="local-development-only-not-a-secret-" + "x" * 32
)
ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]"]

if _running is None:
    _database_url = env.text("DATABASE_OWNER_URL" if _AS_OWNER else "DATABASE_URL", default="")
    REDIS_URL = env.text("REDIS_URL", default="")
else:
    _database_url = _running.database_owner_url if _AS_OWNER else _running.database_url
    REDIS_URL = env.text("REDIS_URL", default=_running.redis_url)

# With no database named and no stack running, commands that need none (`--help`, `check`)
# still work; the first query fails with Django's own "improperly configured" sentence.
DATABASES = {
    "default": env.database(_database_url)
    if _database_url
    else {"ENGINE": "django.db.backends.dummy"}
}

AMENDS_DEMO = env.flag("AMENDS_DEMO", default=True)
if AMENDS_DEMO:
    INSTALLED_APPS = ["config.demo.apps.DemoConfig", *INSTALLED_APPS]

EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
# `make run` tells its parts the address with the port it chose.
AMENDS_PUBLIC_URL = env.url(
    "AMENDS_PUBLIC_URL", ("http", "https"), default=env.text("AMENDS_URL", "http://localhost:8000")
)
