"""What a person finds on a page: its text, its forms."""

from __future__ import annotations

import re
from html import unescape


def text_of(html: bytes) -> str:
    """Return what a person reads, white space folded."""
    return " ".join(unescape(re.sub(rb"<[^>]*>", b" ", html).decode()).split())


def form_of(html: bytes, action: str) -> dict[str, str]:
    """Return the hidden fields of the form that posts to an address ending in `action`."""
    for found in re.finditer(
        r'<form[^>]*action="([^"]+)"[^>]*>(.*?)</form>', html.decode(), re.DOTALL
    ):
        if found[1].endswith(action):
            pairs = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', found[2])
            return dict(pairs)
    raise AssertionError(f"no form posts to …{action}")
