"""The Celery app: workers are ordinary Celery workers, and PostgreSQL remembers what they do.

`celery -A config worker -Q undo,engine,notify,upkeep` and another one for `work`, on any number of
machines. Without a broker (`REDIS_URL` and `AMENDS_BROKER_URL` empty) the embedded pools of
`manage.py sweep` run the same tasks. There is no result backend, no schedule and no task with a
countdown: a message is a hint that names a lane or a row, and may be lost, doubled or late.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import Any

from celery import Celery
from celery.signals import worker_init, worker_process_init, worker_ready
from django.conf import settings
from django.db import connections
from kombu import Exchange, Queue

from config import env, row_slots
from ledger.dispatch import beats
from ledger.dispatch.lease_table import QUEUES

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings.local")

#: A consumer of a broker that hangs notices it after this long, and connects anew.
_CONSUMER_SECONDS = 5.0
#: How long a child keeps its connection to the database between two tasks.
_CONNECTION_SECONDS = 600


def broker_url() -> str:
    """Return where messages go: "" where there is no broker."""
    if settings.AMENDS_BROKER_URL:
        return str(settings.AMENDS_BROKER_URL)
    return env.redis_urls(settings.REDIS_URL).celery if settings.REDIS_URL else ""


def transport_options(url: str, seconds: float) -> dict[str, Any]:
    """Return what the transport of a broker is told; only Redis has time limits of this kind."""
    if not url.startswith("redis"):
        return {}
    return {
        # Undo before forward work before notices, and not each in turn.
        "queue_order_strategy": "priority",
        "max_retries": 1,
        "interval_start": 0,
        "socket_connect_timeout": min(seconds, 0.5),
        "socket_timeout": seconds,
    }


app = Celery("amends", set_as_current=True)
app.conf.update(
    broker_url=broker_url() or "memory://",
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options=transport_options(broker_url(), _CONSUMER_SECONDS),
    imports=["config.tasks"],
    task_queues=[Queue(name, Exchange(name), routing_key=name) for name in QUEUES],
    task_default_queue=QUEUES[-1],
    task_create_missing_queues=False,
    # Of a message that says none.
    task_time_limit=900,
    # Taken when it is done: one that was lost with its worker is sent again, at worst in vain.
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    task_publish_retry=False,
    task_ignore_result=True,
    task_serializer="json",
    accept_content=["json"],
    worker_prefetch_multiplier=1,
    worker_hijack_root_logger=False,
    worker_redirect_stdouts=False,
    worker_send_task_events=False,
)


@worker_init.connect
def _remember_how_many(sender: Any = None, **_said: Any) -> None:
    """Know in every child how many there are, and at how many programs they may be at once. So the
    number must be known now, and stay. Raises SystemExit where it would not."""
    if sender.options.get("autoscale"):
        raise SystemExit("no --autoscale: what takes long is bounded by a number of processes (-c)")
    if not isinstance(sender.concurrency, int):
        # Celery would find it out after this.
        sender.concurrency = len(os.sched_getaffinity(0))
    row_slots.prepare()
    app.conf.update(worker_concurrency=sender.concurrency)


@worker_ready.connect
def _say_that_it_is_there(sender: Any = None, **_said: Any) -> None:
    """Beat from the parent process of a worker, however it was started, for as long as it lives."""
    beat_as(str(sender.hostname), sorted(app.amqp.queues.consume_from))


def beat_as(name: str, queues: Sequence[str]) -> None:
    """Say every few seconds that a worker for `queues` is there."""
    who = f"{name}:{os.getpid()}"
    threading.Thread(target=beats.go_on, args=(who, queues), name="beats", daemon=True).start()


@worker_process_init.connect
def _keep_the_connection(**_said: Any) -> None:
    """Let a child work over one connection, and not over a new one for each task."""
    for connection in connections.all():
        connection.settings_dict["CONN_MAX_AGE"] = _CONNECTION_SECONDS
