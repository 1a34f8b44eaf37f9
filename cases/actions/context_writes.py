"""What steps write into the context as they fire, before their targets start. In memory; no jq."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cases.definitions import Binding, ContextChange, ExpressionFailed, contexts_after


def contexts_written(
    context: Mapping[str, Any], fire: Sequence[Binding]
) -> dict[str, ContextChange | ExpressionFailed]:
    """Return the contexts that the targets of these steps see, by step: as all before it and the
    step itself have written; or that the bound of a context would be broken."""
    writing = [each for each in fire if each.context_write]
    changes = contexts_after(context, [(None, each.context_write) for each in writing])
    return {each.name: change for each, change in zip(writing, changes, strict=True)}
