"""`manage.py check_undo <capability>`: does and undoes it where that leaves nothing; compares."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from accounts.selectors import tenant_named
from executions.undo_trial import Tried, Untried, try_undo


class Command(BaseCommand):
    """Say whether an undo really inverts; exits with 0 if it does, with 1 if not, or untried."""

    help = "Do and undo a capability on a target that is put back, and compare before and after."

    @override
    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("capability")
        parser.add_argument("--input", metavar="JSON", help="what to try it with, if not its own")
        parser.add_argument("--tenant", metavar="SLUG", default="demo")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Try it, and print what was seen."""
        name, given = options["capability"], options["input"]
        tenant = tenant_named(options["tenant"])
        if tenant is None:
            raise CommandError(f"no tenant is called {options['tenant']!r}; name one with --tenant")
        try:
            tried = try_undo(name, tenant.id, None if given is None else json.loads(given))
        except ValueError as error:
            raise CommandError(f"--input is no JSON: {error}") from error
        except Untried as untried:
            raise CommandError(f"{name} was not tried: {untried}") from untried
        self._print(name, tried)
        if not tried.inverts:
            sys.exit(1)

    def _print(self, name: str, tried: Tried) -> None:
        self.stdout.write(f"{name}, undone by {tried.undone_by}, tried in a {tried.where}")
        for state, image in tried.states:
            shown = "unseen" if image is None else json.dumps(image, sort_keys=True)
            self.stdout.write(f"  {state + ':':14}{shown}")
        for each in tried.findings:
            self.stdout.write(f"  {'ok ' if each.holds else 'NO '} {each.rule}")
        verdict = "inverts what it undoes" if tried.inverts else "does NOT invert what it undoes"
        self.stdout.write(f"{tried.undone_by} {verdict}; nothing of this trial is left")
