"""How many processes a worker has is known before they are there: slots are counted by it."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator

import pytest
from celery.signals import worker_init

from config.celery import app


@dataclasses.dataclass(eq=False)
class Starting:
    """A worker that starts, as far as it is looked at."""

    options: dict[str, str]
    concurrency: object


@pytest.fixture(autouse=True)
def _as_before() -> Iterator[None]:
    before = app.conf.worker_concurrency
    yield
    app.conf.update(worker_concurrency=before)


@pytest.mark.parametrize(
    ("said", "expected"), [(7, 7), ("auto", len(os.sched_getaffinity(0))), (1, 1)]
)
def test_the_number_is_one(said: object, expected: int) -> None:
    sender = Starting({}, said)
    worker_init.send(sender=sender)
    assert (sender.concurrency, app.conf.worker_concurrency) == (expected, expected)


def test_a_number_that_changes_is_refused_at_start() -> None:
    before = app.conf.worker_concurrency
    sender = Starting({"autoscale": "10,3"}, 2)
    with pytest.raises(SystemExit, match="no --autoscale: "):
        worker_init.send(sender=sender)
    assert app.conf.worker_concurrency == before
