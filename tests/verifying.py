"""`manage.py verify_ledger` as a test calls it."""

from __future__ import annotations

import io

from django.core.management import call_command


def run() -> tuple[int, str, str]:
    """Return exit code, output and errors of the command."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("verify_ledger", stdout=out, stderr=err)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()
