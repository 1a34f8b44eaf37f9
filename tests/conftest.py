"""Fixtures of the whole suite."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from django.test import TransactionTestCase
from pytest_django.plugin import DjangoDbBlocker

from tests.database import cloned
from tests.world import World, make_world

os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


@pytest.fixture(scope="session")
def django_db_setup(django_db_blocker: DjangoDbBlocker, worker_id: str) -> Iterator[None]:
    """Give this worker its own clone of the migrated database, used as the application's role."""
    with django_db_blocker.unblock(), cloned(worker_id):
        yield


@pytest.fixture(autouse=True, scope="session")
def _no_flush() -> Iterator[None]:
    """Committing tests never flush: the app role may not truncate, and each makes its own tenants."""
    original = TransactionTestCase._fixture_teardown

    def keep(_self: TransactionTestCase) -> None:
        return None

    TransactionTestCase._fixture_teardown = keep  # type: ignore[method-assign]  # see above
    yield
    TransactionTestCase._fixture_teardown = original  # type: ignore[method-assign]


@pytest.fixture
def world(transactional_db: None) -> World:
    """Return a fresh tenant with the whole cast, committed for real."""
    return make_world()
