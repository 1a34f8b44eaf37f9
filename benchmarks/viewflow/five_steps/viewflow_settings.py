"""As little Django as viewflow needs, on the database that VIEWFLOW_DATABASE_URL names."""

from __future__ import annotations

import os

from psycopg.conninfo import conninfo_to_dict

_where = conninfo_to_dict(os.environ["VIEWFLOW_DATABASE_URL"])

SECRET_KEY = "only-for-a-measurement"  # noqa: S105  -- guards nothing
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "viewflow",
    "viewflow.workflow",
    "five_steps",
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _where["dbname"],
        "USER": _where["user"],
        "PASSWORD": _where.get("password", ""),
        "HOST": _where["host"],
        "PORT": _where.get("port", ""),
        "CONN_MAX_AGE": None,
    }
}
