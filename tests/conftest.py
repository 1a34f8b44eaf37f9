"""Fixtures of the whole suite."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator

import pytest
from django.db import reset_queries
from django.test import TransactionTestCase
from pytest_django.plugin import DjangoDbBlocker

from tests.database import cloned
from tests.draining import leave_behind
from tests.world import World, make_world

os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: DjangoDbBlocker, worker_id: str) -> Iterator[None]:
    """Give this worker its own clone of the migrated database, used as the application's role."""
    with django_db_blocker.unblock(), cloned(worker_id):
        yield


@pytest.fixture(autouse=True, scope="session")
def _kept_between_tests() -> Iterator[None]:
    """Flush nothing after a test: the app role may not truncate, and each test makes its own
    tenants. Keep its connection as well: a new one would have to read the catalogue and plan every
    statement again. What it was asked is forgotten, for only so much of that is kept."""
    # The documented hook is private by name alone.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _self: reset_queries())
        patch.setattr(TransactionTestCase, "_should_reload_connections", lambda _self: False)
        yield


@pytest.fixture
def world(transactional_db: None) -> World:
    """Return a fresh tenant with the whole cast, committed; no work of other tests waits."""
    leave_behind()
    return make_world()


@pytest.fixture
def own_database(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, worker_id: str
) -> Iterator[None]:
    """Give the test an empty database of its own: the demo's names exist once in a database."""
    with django_db_blocker.unblock(), cloned(f"own_{worker_id}"):
        yield


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let a worker report what a test logged even when it logged halves of characters on purpose:
    they cannot be sent as they are."""
    report = yield
    report.sections = [
        (name, text.encode("utf-8", "replace").decode()) for name, text in report.sections
    ]
    return report
