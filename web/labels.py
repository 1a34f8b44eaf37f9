"""Names of programs as people read them."""

from __future__ import annotations

from typing import Any


def label_of(key: Any) -> str:
    """Turn a JSON key into words: ``creditScore`` and ``credit_score`` become "Credit score"."""
    text = "".join(
        f" {char.lower()}" if char.isupper() and index and not before.isupper() else char
        for index, (before, char) in enumerate(zip(" " + str(key), str(key), strict=False))
    )
    text = text.replace("_", " ").replace("-", " ").strip()
    return text[:1].upper() + text[1:]
