"""Fixtures of the whole suite."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import reset_queries
from django.test import TransactionTestCase
from pytest_django.plugin import DjangoDbBlocker

from audit import footer_seal
from ledger.tree.sealer import UnsealedTrees
from tests.database import cloned
from tests.draining import leave_behind
from tests.world import World, made, make_world

os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
_A_DAY = 86_400


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
        patch.setattr(UnsealedTrees, "due", _due_where_asked_for)
        # What the foot of pages is known to say (`make_world`) is kept of every world.
        patch.setattr(footer_seal, "_MOST_TENANTS", 1_000_000)
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _self: reset_queries())
        patch.setattr(TransactionTestCase, "_should_reload_connections", lambda _self: False)
        yield


def _due_where_asked_for(
    self: UnsealedTrees, *given: Any, asked: Callable[..., list[Any]] = UnsealedTrees.due, **by: Any
) -> list[Any]:
    """Look for trees to seal only in tests that let them fall due. In all others no entry is ever
    old enough, and finding that out steps over each tenant that any test has made."""
    return asked(self, *given, **by) if settings.AMENDS_SEAL_SECONDS <= _A_DAY else []


# The world of the test before.
_before: list[World] = []


@pytest.fixture
def world(transactional_db: None) -> World:
    """Return a fresh tenant with the whole cast, committed; no work of other tests waits."""
    leave_behind([each.tenant_id for one in _before for each in (one.system, one.outsider)])
    made.clear()
    _before[:] = [make_world()]
    return _before[0]


@pytest.fixture
def own_database(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, worker_id: str
) -> Iterator[None]:
    """Give the test an empty database of its own: the demo's names exist once in a database."""
    with django_db_blocker.unblock(), cloned(f"own_{worker_id}"):
        yield


@pytest.fixture(scope="module")
def database_of_the_module(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, worker_id: str
) -> Iterator[None]:
    """Give the tests of a module an empty database: for those that check whole ledgers, which
    takes longer the more other tests have left there."""
    with django_db_blocker.unblock(), cloned(f"module_{worker_id}"):
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
