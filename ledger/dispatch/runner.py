"""Runs what is due: outbox tasks first, then the rows of the registered sources."""

from __future__ import annotations

import logging
import time

from django.db import transaction

from ledger import failpoints
from ledger.dispatch import queue
from ledger.dispatch.consumer_registry import LeftToOthers, consumer_named, sources
from ledger.dispatch.lease import kept_lease
from ledger.faults import words_of
from ledger.tenancy import set_tenant

log = logging.getLogger(__name__)
failpoints.declare("dispatch.leased", "dispatch.handled", "dispatch.before_done")
BATCH = 4
#: Leased just before it is run: what waits behind slow work in one thread is free for the others.
_AT_ONCE = 1


def run_due() -> int:
    """Run a few due tasks and one row of every source. Returns how many were run."""
    count = 0
    for _ in range(BATCH):
        claimed = queue.claim(_AT_ONCE)
        if not claimed:
            break
        for task in claimed:
            count += 1
            _run_task(task)
    for source in sources():
        for due in source.claim(_AT_ONCE):
            count += 1
            try:
                source.run(due)
            except Exception:
                # The row's lease runs out and it becomes due again; one bad row stops no other.
                log.exception("source %s failed on %s", source.name, due.id)
    return count


def run_until_idle(*, limit: int = 10_000, seconds: float = 60.0) -> int:
    """Run batches until nothing is due at this moment. Returns how many were run.

    Raises RuntimeError past `limit` runs or `seconds`, so that a loop of news cannot spin for ever.
    """
    total = 0
    deadline = time.monotonic() + seconds
    while ran := run_due():
        total += ran
        if total > limit or time.monotonic() > deadline:
            raise RuntimeError(f"still busy after {total} runs")
    return total


def _run_task(task: queue.Claimed) -> None:
    failpoints.reach("dispatch.leased")
    consumer = consumer_named(task.consumer)
    if consumer is None:
        queue.fail(task, f"no consumer named {task.consumer!r} is registered", max_attempts=1)
        return
    marked = False

    def done() -> None:
        nonlocal marked
        failpoints.reach("dispatch.before_done")
        queue.finish(task)
        marked = True

    try:
        with kept_lease(
            lambda: queue.extend(task), lease_seconds=queue.LEASE_SECONDS,
            max_seconds=consumer.max_seconds, what=f"task {task.id} of {task.consumer}",
        ):  # fmt: skip
            consumer.handle([task.event], done)
            failpoints.reach("dispatch.handled")
            if not marked:
                with transaction.atomic(durable=True):
                    set_tenant(task.event.tenant_id)
                    done()
    except LeftToOthers:
        queue.leave(task)
    except queue.LeaseLost:
        log.warning("task %s of %s was taken over", task.id, task.consumer)
    except Exception as error:
        log.exception("task %s of %s failed, attempt %s", task.id, task.consumer, task.attempts)
        words = words_of(error, queue.ERROR_LENGTH)
        queue.fail(task, words, max_attempts=consumer.max_attempts)
