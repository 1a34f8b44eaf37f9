"""Names of programs as people read them."""

from __future__ import annotations

import re
from typing import Any

from django.utils.translation import gettext as _

# What kept words of a fault begin with (`ledger.faults`): its type's name.
_FAULT = re.compile(r"\A[A-Z]\w*(?:Error|Exception|Exit|Fault|Interrupt|Timeout)(?:: ?| (?=\()|\Z)")


def fault_words(text: str) -> str:
    """Return what a fault said, without the name that its program has for it."""
    said = _FAULT.sub("", text)
    return said or (_("It broke off without saying why.") if text else "")


def label_of(key: Any) -> str:
    """Turn a JSON key into words: ``creditScore`` and ``credit_score`` become "Credit score"."""
    text = "".join(
        f" {char.lower()}" if char.isupper() and index and not before.isupper() else char
        for index, (before, char) in enumerate(zip(" " + str(key), str(key), strict=False))
    )
    text = text.replace("_", " ").replace("-", " ").strip()
    return text[:1].upper() + text[1:]


def program_title(name: str) -> str:
    """Return what a program is called: `demo.reverse-transfer` is "Reverse transfer"."""
    return label_of(name.rpartition(".")[2]) or name
