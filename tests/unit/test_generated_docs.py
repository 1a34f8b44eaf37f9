"""Pages made from code say what the code says."""

from __future__ import annotations

import subprocess
import sys

from tests.database import ROOT
from workitems.lifecycle import LIFECYCLE, Status

PAGE = ROOT / "docs" / "reference" / "lifecycle.md"


def test_generated_pages_are_up_to_date() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/generate_docs", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout == "", "run .venv/bin/python scripts/generate_docs"
    assert done.returncode == 0, done.stderr


def test_the_page_names_every_status_and_operation() -> None:
    text = PAGE.read_text("utf-8")
    for status in Status:
        assert f"| `{status.value}` | {status.label} |" in text
    for operation in LIFECYCLE.values():
        assert f"\n| {operation.name} |" in text
