"""Where the texts of a page stand: none over another, none beyond what holds it, none cut."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Page

WIDTHS = (320, 375, 768, 1280, 1920)
HEIGHT = 900
_FAULTS = Path(__file__).with_name("layout.js").read_text("utf-8")


def faults_of(page: Page, *, width: int) -> list[str]:
    """Return what is wrong with the layout of a page in a window of that width."""
    page.set_viewport_size({"width": width, "height": HEIGHT})
    found: list[str] = page.evaluate(_FAULTS)
    return [f"at {width}: {fault}" for fault in found]
