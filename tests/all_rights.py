"""What only somebody with all rights in the database can do to it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection


@contextmanager
def superuser() -> Iterator[psycopg.Connection[Any]]:
    """Connect to this test's database past every wall; what is done is committed at the end."""
    url, name = os.environ["DATABASE_SUPERUSER_URL"], str(connection.settings_dict["NAME"])
    with psycopg.connect(url, dbname=name) as found:
        yield found
