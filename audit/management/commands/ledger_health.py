"""`manage.py ledger_health`: is anything missing in a ledger? Exit 0, or 1 with what is missing.

To be run every night, beside `verify_ledger`: that proves what is there, this counts.
"""

from __future__ import annotations

import sys
import uuid
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from audit.actions.noting_gaps import note_gaps
from audit.models import LedgerWatch
from ledger.chain_counts import tenants_with_chains


class Command(BaseCommand):
    """Count the chains and transitions of every tenant, and note what is missing."""

    help = "Count chains and transitions of all tenants, and note in the ledger what is missing."

    @override
    def add_arguments(self, parser: Any) -> None:
        """Take the tenant, where it is one."""
        parser.add_argument("--tenant", type=uuid.UUID, help="Only this one, by id.")

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Print a line for each tenant in which something is missing, and one at the end."""
        one: uuid.UUID | None = options["tenant"]
        tenants = tenants_with_chains() if one is None else [one]
        missing = 0
        for tenant_id in tenants:
            try:
                found, noted = note_gaps(tenant_id)
            except LedgerWatch.DoesNotExist:
                raise CommandError(f"there is no tenant {tenant_id}") from None
            if found.healthy:
                continue
            missing += 1
            if found.trouble is not None:
                self.stderr.write(f"tenant {tenant_id}: {found.trouble.detail}")
            if found.complete:
                continue
            astray = sum(not each.agrees for each in found.transitions)
            self.stderr.write(
                f"tenant {tenant_id}: {found.chains.gaps} chains with a gap,"
                f" {found.unsealed.removed} entries gone that waited to be sealed, {astray} kinds"
                f" whose transitions are not all recorded. {'Noted.' if noted else 'Noted before.'}"
            )
        if missing:
            sys.exit(1)
        self.stdout.write(f"Nothing is missing: {len(tenants)} tenants counted.")
