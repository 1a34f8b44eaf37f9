"""What browsers get: vendored files as listed, nothing foreign, text that can be read."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
VENDOR = ROOT / "static" / "vendor"
LISTED: dict[str, str] = {
    name: digest
    for package in tomllib.loads((VENDOR / "vendor.toml").read_text("utf-8"))["package"]
    for name, digest in package["files"].items()
}
OWN = sorted(
    path
    for folder in (ROOT / "templates", ROOT / "static")
    for path in folder.rglob("*")
    if path.suffix in {".html", ".css", ".js"} and VENDOR not in path.parents
)
FOREIGN = re.compile(r"""["'(]\s*(?:https?:)?//[a-z0-9]""", re.IGNORECASE)
COLOUR = re.compile(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)")
TOKENS: dict[str, tuple[str, str]] = {
    name: (light, dark)
    for name, light, dark in COLOUR.findall((ROOT / "static/css/tokens.css").read_text("utf-8"))
}
TEXT_ON_GROUND = [
    *((text, ground) for text in ("text", "muted", "faint") for ground in ("ground", "surface")),
    *((text, "hover") for text in ("text", "muted", "faint")),
    *((text, "surface") for text in ("accent-text", "undo-text", "done-text", "bad-text")),
    ("accent-text", "accent-soft"),
    ("undo-text", "undo-soft"),
    ("done-text", "done-soft"),
    ("bad-text", "bad-soft"),
    ("wait-text", "wait-soft"),
    ("muted", "accent-soft"),
    ("on-accent", "accent"),
    ("on-accent", "accent-hover"),
]


@pytest.mark.parametrize("name", sorted(LISTED))
def test_a_vendored_file_is_what_its_sha256_says(name: str) -> None:
    assert hashlib.sha256((VENDOR / name).read_bytes()).hexdigest() == LISTED[name]


def test_every_vendored_file_is_listed() -> None:
    shipped = {
        str(path.relative_to(VENDOR))
        for path in VENDOR.rglob("*")
        if path.is_file() and path.name != "vendor.toml"
    }
    assert shipped == set(LISTED)


def test_no_page_style_or_script_names_another_host() -> None:
    found = {str(path.relative_to(ROOT)): FOREIGN.findall(path.read_text("utf-8")) for path in OWN}
    assert {path: hits for path, hits in found.items() if hits} == {}


def test_the_base_page_uses_the_vendored_htmx() -> None:
    base = (ROOT / "templates/base.html").read_text("utf-8")
    used = re.findall(r"vendor/([^'\"]+)", base)
    assert used
    assert set(used) <= set(LISTED)


def _luminance(colour: str) -> float:
    channels = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXT_ON_GROUND)
def test_text_has_the_contrast_that_wcag_aa_asks_for(text: str, ground: str, scheme: int) -> None:
    pair = sorted((_luminance(TOKENS[text][scheme]), _luminance(TOKENS[ground][scheme])))
    assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5
