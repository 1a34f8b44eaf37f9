"""The doorbell over Redis: one Celery app, one task, and no work in it.

After a commit that left something to do, `Doorbell.ring` sends the task `wake`; a worker that
receives it looks for due work at once instead of within a second. PostgreSQL holds what is due: a
lost, doubled or late message changes nothing. There is no result backend and no schedule.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from celery import Celery
from django.conf import settings

from config import env

log = logging.getLogger(__name__)
QUEUE = "amends"
#: After a failure to ring, nobody tries again for this long: a web request never waits twice.
SILENCE_SECONDS = 5.0
_CONNECT_SECONDS = 0.5

app = Celery("amends", set_as_current=True)
app.conf.update(
    broker_url=env.redis_urls(settings.REDIS_URL).celery if settings.REDIS_URL else "memory://",
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    # Without these two a publisher would try to reach a stopped Redis for ever.
    broker_transport_options={
        "max_retries": 1,
        "interval_start": 0,
        "socket_connect_timeout": _CONNECT_SECONDS,
        "socket_timeout": 5,
    },
    task_publish_retry=False,
    task_ignore_result=True,
    task_default_queue=QUEUE,
    task_serializer="json",
    accept_content=["json"],
    worker_hijack_root_logger=False,
    worker_enable_remote_control=False,
    worker_send_task_events=False,
)

woken = threading.Event()


@app.task(name="amends.wake", ignore_result=True)
def wake() -> None:
    """Let this process's sweep threads look for due work now."""
    woken.set()


class Doorbell:
    """Rings workers awake; a hint that may fail, never an error.

    After a failure it is silent for `SILENCE_SECONDS`.
    """

    def __init__(self, send: Callable[[], object]) -> None:
        self._send = send
        self._silent_until = 0.0

    def ring(self) -> None:
        """Ring once, quickly or not at all."""
        if time.monotonic() < self._silent_until:
            return
        try:
            self._send()
        except Exception as error:  # noqa: BLE001  -- broker libraries raise many kinds; none matters
            self._silent_until = time.monotonic() + SILENCE_SECONDS
            log.warning("no worker could be woken (%s); the sweep finds the work", error)


def _send_wake() -> None:
    wake.apply_async(retry=False)


doorbell = Doorbell(_send_wake)
