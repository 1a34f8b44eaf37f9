"""Local PostgreSQL and Redis for development and tests, started and stopped by our own supervisor.

Plain Python and psycopg: nothing here reads Django's settings, because the settings ask this package
where the database is.
"""
