"""Print where the servers of the running local stack are."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from tools.localstack import LocalServerError, stack
from tools.localstack.folders import PROJECT


class Command(BaseCommand):
    """`manage.py local_env`: one NAME=value line each."""

    help = "Print the URLs of the running local stack (make run) as NAME=value lines."
    requires_system_checks: list[str] = []

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Print the lines, or fail with a sentence if no stack runs."""
        try:
            environment = stack.running(PROJECT)
        except LocalServerError as error:
            raise CommandError(str(error)) from error
        if environment is None:
            raise CommandError("no local stack is running; start it with: make run")
        for name, value in environment.items():
            self.stdout.write(f"{name}={value}")
