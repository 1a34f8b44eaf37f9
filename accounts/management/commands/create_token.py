"""`manage.py create_token <username>`: prints a new API token, and nothing else."""

from __future__ import annotations

import argparse
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from accounts.actions import create_token
from accounts.selectors import acting_as


class Command(BaseCommand):
    """Issue a token of one membership; the first by name of the tenant unless one is chosen."""

    help = "Print a new API token for a user's membership. It is shown once and works for 90 days."

    @override
    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("username")
        parser.add_argument("--tenant", metavar="SLUG", help="which tenant, for a user of several")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Print the token."""
        acting = acting_as(options["username"], tenant_slug=options["tenant"])
        if acting is None:
            where = f" of tenant {options['tenant']!r}" if options["tenant"] else ""
            raise CommandError(f"{options['username']!r} is no active member{where}")
        self.stdout.write(create_token(acting, name="create_token"))
