"""The pictures of the documentation: all there, all shown, small, and each in both schemes."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest

from tests.database import ROOT

IMAGES = ROOT / "docs" / "images"
LARGEST_BYTES = 1_500_000
WIDTHS = {"wide": 1280, "narrow": 375}
_PICTURE = re.compile(
    r'<picture><source media="\(prefers-color-scheme: dark\)" srcset="(?P<dark>[^"]+)">\s*'
    r'<img src="(?P<light>[^"]+)" alt="(?P<alt>[^"]+)"></picture>'
)
_ANY = re.compile(r"[\w./-]+\.png")


@pytest.fixture(scope="module")
def taken() -> list[str]:
    """Return the names of the pictures that the script takes."""
    done = subprocess.run(
        [sys.executable, "scripts/screenshots", "--list"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def shown() -> dict[str, set[str]]:
    """Return the pictures that pages name, each with the pages."""
    found: dict[str, set[str]] = {}
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        for address in _ANY.findall(page.read_text("utf-8")):
            target = (page.parent / address).resolve()
            found.setdefault(str(target.relative_to(ROOT)), set()).add(page.name)
    return found


def test_the_pictures_are_those_that_the_script_takes(taken: list[str]) -> None:
    assert sorted(path.name for path in IMAGES.iterdir()) == sorted(taken)
    assert {"preview-wide-light.png", "preview-narrow-dark.png"} <= set(taken)


def test_every_picture_is_shown_and_every_shown_one_is_there(taken: list[str]) -> None:
    assert set(shown()) == {f"docs/images/{name}" for name in taken}


def test_every_shown_picture_has_both_schemes_and_is_told_in_words() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        text = page.read_text("utf-8")
        whole = _PICTURE.findall(text)
        assert len(_ANY.findall(text)) == 2 * len(whole), page
        for dark, light, alt in whole:
            assert dark == light.replace("-light.png", "-dark.png")
            assert alt.strip(), page


def test_the_pictures_are_small() -> None:
    sizes = {path.name: path.stat().st_size for path in IMAGES.iterdir()}
    assert sum(sizes.values()) <= LARGEST_BYTES
    for name in sizes:
        header = (IMAGES / name).read_bytes()[:26]
        assert header[:8] == b"\x89PNG\r\n\x1a\n", name
        width = WIDTHS[name.rsplit("-", 2)[1]]
        assert int.from_bytes(header[16:20], "big") == width, name
        # Colour type 3 has a palette.
        assert header[25] == 3, name
