"""`manage.py verify_ledger`: does the ledger hold? Exit 0 with counts, 1 with the first bad
entry, or 2 where the keys of its checkpoints, or what is kept outside, cannot be read.
"""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand
from typing_extensions import override

from ledger.broken import Broken
from ledger.tree.signing_keys import NoKey
from ledger.verify import verify


class Command(BaseCommand):
    """Check every chain of every tenant."""

    help = "Check every chain, byte, column and payload of the ledger, for all tenants."

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Print what was counted, or name the first bad entry and exit 1."""
        try:
            report = verify()
        except Broken as broken:
            named = f"entry {broken.entry}: " if broken.entry else ""
            self.stderr.write(f"The ledger does not hold. {named}{broken} ({broken.kind})")
            sys.exit(1)
        except NoKey as error:
            self.stderr.write(f"Checkpoints cannot be checked: {error}")
            sys.exit(2)
        except OSError as error:
            # Nothing else is read of files: what is outside could not be compared with anything.
            self.stderr.write(f"What is kept outside cannot be read: {error}")
            sys.exit(2)
        self.stdout.write(
            f"The ledger holds: {report.tenants} tenants, {report.chains} chains,"
            f" {report.entries} entries checked, {report.sealed} of them sealed;"
            f" {report.erased} payloads erased."
        )
