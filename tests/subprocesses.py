"""Runs the project's commands in processes of their own, against the database of the test."""

from __future__ import annotations

import os
import subprocess
import sys
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.db import connection

from tests.database import ROOT

_SECONDS = 60


def environment(**more: str) -> dict[str, str]:
    """Return this process's environment with DATABASE_URL naming the test's own database."""
    parts = urlsplit(os.environ["DATABASE_URL"])
    url = urlunsplit(parts._replace(path=f"/{connection.settings_dict['NAME']}"))
    return {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": settings.SETTINGS_MODULE,
        "DATABASE_URL": url,
        "PYTHONUNBUFFERED": "1",
        **more,
    }


def manage(*arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run `manage.py` with `arguments` to its end; `more` are environment variables."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment(**more),
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )


def start(*arguments: str, **more: str) -> subprocess.Popen[str]:
    """Start `manage.py` with `arguments`; the caller ends it."""
    return subprocess.Popen(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment(**more),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
