"""What steps write into the context as they fire, before their targets start. In memory; no jq."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from cases.definitions import Binding, ContextChange, ExpressionFailed, contexts_after


def contexts_written(
    context: Mapping[str, Any], fire: Sequence[Binding], *, may_stand: Collection[str] = ()
) -> dict[str, ContextChange | ExpressionFailed]:
    """Return the contexts that the targets of these steps see, by step: as all before it and the
    step itself have written; or that the bound of a context would be broken. `may_stand`: steps
    that may turn out not to fire; what they would write no other sees."""
    found = {}
    for each in fire:
        if not each.context_write:
            continue
        (change,) = contexts_after(context, [(None, each.context_write)])
        found[each.name] = change
        if isinstance(change, ContextChange) and each.name not in may_stand:
            context = change.after
    return found
