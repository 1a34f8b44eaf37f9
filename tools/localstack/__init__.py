"""Local PostgreSQL and Redis for development and tests, under a supervisor of our own.

Plain Python and psycopg: nothing here reads Django's settings, because the settings ask this
package where the database is.
"""

from __future__ import annotations


class LocalServerError(Exception):
    """A local server cannot be started or used; the message says why and what to do."""
