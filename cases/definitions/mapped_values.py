"""Mappings that plainly give no map: what a step is given, and what goes into a context, is one.

Only what is one value, however the context looks, is found here; what is computed is known when it
is asked, and its step fails with the same rule then.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from cases.definitions.relations import maps_at
from cases.definitions.written import BINDINGS

Found = Iterator[tuple[str, str]]

#: Places of mappings, and the words there that have to give a map.
_IN: Final = ("inputMapping", "outputMapping", "inputProjectionOverride")
_PLACES: Final[Mapping[str, tuple[str, ...]]] = {
    BINDINGS: _IN,
    f"{BINDINGS}/humanTask": _IN,
    f"{BINDINGS}/judgment": ("outputMapping",),
    f"{BINDINGS}/subCase": _IN,
    "/spec/capabilities/*": ("inputProjection", "outputProjection", "inputSchema", "outputSchema"),
}
_KINDS: Final = {str: "a text", bool: "true or false", int: "a number", float: "a number"}
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|(?P<open>[(\[{])|(?P<close>[)\]}])')
# Texts with expressions in them have quotes in quotes, and remarks may have any.
_UNREAD: Final = re.compile(r"#|\\\(")


def mapped_to_no_map(data: Any) -> Found:
    """Find the mappings that give something else than a map, whatever they are asked about."""
    for place, words in _PLACES.items():
        for pointer, holder in maps_at(data, place):
            for word in words:
                said = holder.get(word)
                at = f"{pointer}/{word}"
                if isinstance(said, dict) and "jq" in said:
                    said, at = said["jq"], f"{at}/jq"
                kind = _kind_of(said)
                if kind:
                    yield at, f"{word} must give a map, such as {{result: .}}, and gives {kind}"


def _kind_of(said: Any) -> str:
    """Return what a mapping gives where that is no map; "" where nobody knows, or no text is
    written: that is an error of its own."""
    if not isinstance(said, str):
        # A condition may be written so: it is read as an expression.
        return _KINDS[bool] if isinstance(said, bool) else ""
    text = said.strip()
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return "a list" if _is_a_list(text) else ""
    return "a list" if isinstance(value, list) else _KINDS.get(type(value), "")


def _is_a_list(text: str) -> bool:
    """Whether all of an expression stands between the brackets of one list."""
    if not text.startswith("[") or _UNREAD.search(text):
        return False
    depth = 0
    for token in _TOKEN.finditer(text):
        depth += bool(token["open"]) - bool(token["close"])
        if depth == 0:
            return token.end() == len(text) and token["close"] == "]"
    return False
