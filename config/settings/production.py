"""Settings of a deployment. Every value that must be chosen is required by name."""

from __future__ import annotations

from pathlib import Path

from config import env
from config.settings.base import *  # noqa: F403  -- a settings module extends its base
from ledger.tree.signing_keys import NoKey, check_key_file

_here = env.read(env.Deployment)
_database_variable = "DATABASE_OWNER_URL" if _here.as_owner else "DATABASE_URL"

DEBUG = False
SECRET_KEY = _here.AMENDS_SECRET_KEY
ALLOWED_HOSTS = _here.AMENDS_ALLOWED_HOSTS
AMENDS_PUBLIC_URL = _here.AMENDS_PUBLIC_URL
AMENDS_TRUSTED_PROXIES = _here.AMENDS_TRUSTED_PROXIES
CSRF_TRUSTED_ORIGINS = _here.AMENDS_TRUSTED_ORIGINS
DATABASES = {
    "default": env.database(_here.database_url, limits=_here.limits, name=_database_variable)
}
AMENDS_LEDGER_KEY = _here.AMENDS_LEDGER_KEY
AMENDS_LEDGER_KEY_MADE = False
try:
    check_key_file(Path(AMENDS_LEDGER_KEY))
except NoKey as refused:
    raise env.InvalidEnvironment(
        "AMENDS_LEDGER_KEY", f"must name a file with the key that signs: {refused}"
    ) from None
REDIS_URL = _here.REDIS_URL or ""
AMENDS_BROKER_URL = _here.AMENDS_BROKER_URL
AMENDS_RATES_REDIS = env.redis_urls(REDIS_URL).client if REDIS_URL else ""
AMENDS_DEMO = _here.AMENDS_DEMO
if AMENDS_DEMO:
    raise env.InvalidEnvironment("AMENDS_DEMO", "demo code may not run in production")

SESSION_COOKIE_SECURE = True
CSRF_COOKIE_SECURE = True
SECURE_SSL_REDIRECT = _here.AMENDS_SSL_REDIRECT
SECURE_HSTS_SECONDS = 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = _here.AMENDS_EMAIL_HOST
EMAIL_PORT = _here.AMENDS_EMAIL_PORT
DEFAULT_FROM_EMAIL = _here.AMENDS_EMAIL_FROM
