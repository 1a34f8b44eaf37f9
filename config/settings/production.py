"""Settings of a deployment. Every value that must be chosen is required by name."""

from __future__ import annotations

from config import env
from config.settings.base import *  # noqa: F403  -- a settings module extends its base

DEBUG = False
SECRET_KEY = env.text("AMENDS_SECRET_KEY")
ALLOWED_HOSTS = env.names("AMENDS_ALLOWED_HOSTS")
CSRF_TRUSTED_ORIGINS = env.names("AMENDS_TRUSTED_ORIGINS", default=())
_AS_OWNER = env.choice("AMENDS_DB_ROLE", ("app", "owner"), default="app") == "owner"
DATABASES = {
    "default": env.database(env.text("DATABASE_OWNER_URL" if _AS_OWNER else "DATABASE_URL"))
}
REDIS_URL = env.text("REDIS_URL", default="")

AMENDS_DEMO = env.flag("AMENDS_DEMO", default=False)
if AMENDS_DEMO:
    raise env.InvalidEnvironment("AMENDS_DEMO", "demo code may not run in production")

SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
SECURE_SSL_REDIRECT = env.flag("AMENDS_SSL_REDIRECT", default=True)
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = env.text("AMENDS_EMAIL_HOST", default="localhost")
EMAIL_PORT = env.integer("AMENDS_EMAIL_PORT", default=25)
DEFAULT_FROM_EMAIL = env.text("AMENDS_EMAIL_FROM", default="amends@localhost")
