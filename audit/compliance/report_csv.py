"""Lines of a report as CSV (RFC 4180), safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any, Final

COLUMNS: Final = (
    "at", "what", "action", "subject_type", "subject_id", "subject_title", "from", "to", "actor",
    "actor_type", "actor_role", "on_behalf_of", "outcome", "reason", "evidence", "regulatory_basis",
    "mode", "strategy", "run", "original_entry", "original_actor", "original_at", "residual_effect",
    "refusal_code", "refusal_detail", "error", "signature", "erased", "entry", "hash",
    "tree_index", "proof", "checkpoint_size",
)  # fmt: skip
#: A cell that begins so is a formula to spreadsheets, whoever wrote it.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def as_csv(lines: Iterable[Mapping[str, Any]], *, checkpoint_size: int | None) -> str:
    """Return a header and one row a line. `checkpoint_size`: of the tree that proves them."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for each in lines:
        line = {**each, "checkpoint_size": checkpoint_size}
        writer.writerow([_cell(_value(line, column)) for column in COLUMNS])
    return out.getvalue()


def _value(line: Mapping[str, Any], column: str) -> Any:
    if column in line:
        return line[column]
    outer, _, inner = column.partition("_")
    return (line[outer] or {}).get(inner)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        value = "; ".join(_item(each) for each in value)
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _item(value: Any) -> str:
    if isinstance(value, Mapping):
        return ": ".join(str(each) for each in value.values() if each)
    return str(value)
