"""What becomes of a result where another step has written the same key since its own step fired."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from cases.definitions import Binding, ExpressionFailed, Laying, merged_deep
from cases.models import Case, PlanItem
from cases.plan_state import Changes
from json_values.comparison import same

CONFLICT = "was changed by another step while this one was at work"


def _paths(keys: list[str]) -> str:
    return ", ".join(f".{key}" for key in keys)


def laying_of(case: Case, binding: Binding, item: PlanItem) -> Laying | None:
    """Return how the result of a step is laid into the context; None: it replaces what is there."""
    strategy = binding.conflict_strategy
    if strategy == "DEEP_MERGE":
        return merged_deep
    if strategy == "FIRST_WRITER_WINS":
        return functools.partial(_first, case, item)
    if strategy == "FAIL":
        return functools.partial(_only, case, item)
    return None


def _first(
    case: Case, item: PlanItem, context: Mapping[str, Any], said: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what nobody else has said since."""
    taken = _written_since(case, item, context, said)
    return {key: value for key, value in said.items() if key not in taken}


def _only(
    case: Case, item: PlanItem, context: Mapping[str, Any], said: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Return what a step says. Raises ExpressionFailed where somebody has said otherwise since."""
    taken = _written_since(case, item, context, said)
    others = sorted(key for key in taken if key not in context or not same(said[key], context[key]))
    if others:
        raise ExpressionFailed("conflict", f"{_paths(others)} {CONFLICT}", expression="FAIL")
    return said


def _written_since(
    case: Case, item: PlanItem, context: Mapping[str, Any], said: Mapping[str, Any]
) -> set[str]:
    """Return the keys of a result that have changed since its step fired: in the case as it is
    stored, or by results that are taken in before it at the same moment."""
    stamps = Changes.of(case).keys
    return {
        key
        for key in said
        if stamps.get(key, 0) > item.case_version
        or (key in context) != (key in case.context)
        or (key in context and not same(context[key], case.context[key]))
    }
