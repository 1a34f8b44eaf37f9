"""Runs as many processes as a line of standard input asks for, and answers how long that took.

`forward 20` and `undone 20` answer with seconds.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand
from viewflow.workflow.models import Process, Task
from viewflow.workflow.status import PROCESS, STATUS

from five_steps.flows import Forward, Undone

STEPS = 5
#: The flow, and how many functions have undone something when it has ended.
FLOWS = {"forward": (Forward, 0), "undone": (Undone, STEPS)}


class Command(BaseCommand):
    """`python -m django serve`."""

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Answer line by line until the input ends."""
        person, _made = User.objects.get_or_create(username="analyst")
        for line in sys.stdin:
            name, number = line.split()
            flow_class, undos = FLOWS[name]
            started = time.perf_counter()
            process_ids = [_drive(flow_class, person) for _ in range(int(number))]
            seconds = time.perf_counter() - started
            for process_id in process_ids:
                _check(process_id, undos)
            self.stdout.write(str(seconds))
            self.stdout.flush()


def _drive(flow_class: Any, person: User) -> int:
    """Start a process and do its tasks, each as its view would: taken, started and completed."""
    process_id: int = flow_class.start.run().pk
    for _ in range(STEPS):
        task = Task.objects.get(process_id=process_id, flow_task_type="HUMAN", status=STATUS.NEW)
        with flow_class.lock(process_id):
            activation = task.flow_task.activation_class(task)
            activation.assign(person)
            activation.start(None)
            activation.execute()
    return process_id


def _check(process_id: int, undos: int) -> None:
    """Raise RuntimeError unless a process has ended and all of it was undone that should be."""
    ended = Process.objects.get(pk=process_id)
    tasks = Task.objects.filter(process_id=process_id, status=STATUS.DONE)
    done = tasks.filter(flow_task_type="HUMAN").count()
    undone = tasks.filter(flow_task_type="FUNCTION").count()
    if (ended.status, done, undone) != (PROCESS.DONE, STEPS, undos):
        raise RuntimeError(f"process {process_id}: {ended.status}, {done} done, {undone} undone")
