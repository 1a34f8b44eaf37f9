"""Pages that name the test which shows what they say name one that is there."""

from __future__ import annotations

import re

import pytest

from tests.database import ROOT

_NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")
PAGES = sorted(
    str(path.relative_to(ROOT))
    for path in (ROOT / "docs").rglob("*.md")
    if _NAMED.search(path.read_text("utf-8"))
)


@pytest.mark.parametrize("page", PAGES)
def test_each_test_that_a_page_names_exists(page: str) -> None:
    named = _NAMED.findall((ROOT / page).read_text("utf-8"))
    assert [each for each in named if not _exists(*each)] == []


def test_each_answer_about_undoing_names_a_test_and_not_a_file() -> None:
    page = "docs/explanation/compensation.md"
    assert page in PAGES
    text = (ROOT / page).read_text("utf-8")
    assert [file for file, name in _NAMED.findall(text) if not name] == []
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert [row for row in rows if not _NAMED.search(row) and "shown by" not in row] == []


def _exists(file: str, name: str) -> bool:
    path = ROOT / file
    if not path.is_file():
        return False
    return not name or f"\ndef {name}(" in path.read_text("utf-8")
