"""What a rollback of a case leaves as it is: told where one is started, and of its definition."""

from __future__ import annotations

from typing import Any

from cases.definitions import Binding, CompiledDefinition
from cases.how_undone import gaps_of, is_final, reversibility_of
from compensation.sentences import title_of
from web.templatetags.amends import state_label


def staying(definition: CompiledDefinition) -> dict[str, Any]:
    """Return the steps nobody declared an undo for (`gaps`), and those that cannot be undone
    (`final`, with how that is said), as people call them."""
    forward, gaps = definition.forward_bindings, gaps_of(definition)
    return {
        "gaps": [title_of(step.name) for step in forward if step.name in gaps],
        "final": [
            {"binding": title_of(step.name), "text": final_words(step)}
            for step in forward
            if is_final(step)
        ],
    }


def final_words(step: Binding) -> str:
    """Return how it is said of a step that it cannot be undone."""
    return state_label(reversibility_of(step), "exclusion")
