"""Local PostgreSQL and Redis for development and tests, under a supervisor of our own.

Plain Python and psycopg: nothing here reads Django's settings, because the settings ask this
package where the database is.
"""
