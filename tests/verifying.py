"""Checks of the ledger as tests make them."""

from __future__ import annotations

import io

from django.core.management import call_command

from ledger.verify import Report, verify_tenant
from tests.world import made


def verify() -> Report:
    """Check all that the ledger holds of the tenants that this test has made, and return what was
    counted. Raises Broken.

    What earlier tests left in the database they checked themselves: with it, each check would take
    longer than the one before.
    """
    assert made
    report = Report()
    for world in made:
        for each in (world.system, world.outsider):
            verify_tenant(each.tenant_id, report)
    return report


def run() -> tuple[int, str, str]:
    """Run `manage.py verify_ledger`, which checks every tenant there is. Returns exit code, output
    and errors of the command."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("verify_ledger", stdout=out, stderr=err)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()
