"""What every benchmark needs before it measures: tables, Django, and statistics of its data."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import django
import psycopg
from django.db import connection

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = "config.settings.test"


def migrate(**more: str) -> None:
    """Make the tables, as their owner. `more` are environment variables."""
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        check=True,
        cwd=ROOT,
        env={
            **os.environ,
            "AMENDS_DB_ROLE": "owner",
            "DJANGO_SETTINGS_MODULE": SETTINGS,
            **more,
        },
    )


def prepare() -> None:
    """Make the tables and load Django, which is then the application's role.

    What uses the models is imported after this.
    """
    migrate()
    os.environ["DJANGO_SETTINGS_MODULE"] = SETTINGS
    django.setup()


def analyze(url: str) -> None:
    """Let the server look at what a database holds by now.

    Guards, foreign keys and prepared statements keep the plan of their first executions; made on
    empty tables it reads far more later on.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ANALYZE")


def second_database(url: str, name: str) -> str:
    """Make another database beside ours, with the same tables, and return its owner's URL."""
    with psycopg.connect(url, autocommit=True) as server:
        server.execute(f"DROP DATABASE IF EXISTS {name}")
        server.execute(f"CREATE DATABASE {name}")
    second = urlunsplit(urlsplit(url)._replace(path=f"/{name}"))
    migrate(DATABASE_OWNER_URL=second)
    return second


def enter(database: str) -> None:
    """Let this process use a database from now on."""
    if connection.settings_dict["NAME"] != database:
        connection.close()
        connection.settings_dict["NAME"] = database
