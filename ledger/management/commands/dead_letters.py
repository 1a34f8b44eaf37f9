"""`manage.py dead_letters`: list the tasks that used up their attempts, or make them due again."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from ledger.dispatch import dead_tasks


class Command(BaseCommand):
    """List dead letters; `--retry ID …` or `--retry-all` revives them."""

    help = "List outbox tasks that used up their attempts; --retry ID… or --retry-all revives them."

    @override
    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--retry", nargs="+", type=int, metavar="ID", default=None)
        parser.add_argument("--retry-all", action="store_true")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """List, or revive and say how many."""
        if options["retry"] or options["retry_all"]:
            count = dead_tasks.revive(None if options["retry_all"] else options["retry"])
            if not count:
                raise CommandError("no such dead letter")
            self.stdout.write(f"{count} made due again")
            return
        letters = dead_tasks.dead_letters()
        for letter in letters:
            self.stdout.write(
                f"{letter.id}  {letter.consumer}  {letter.event_type}  subject {letter.subject_id}"
                f"  {letter.attempts} attempts: {letter.last_error}"
            )
        self.stdout.write(f"{len(letters)} dead letters")
