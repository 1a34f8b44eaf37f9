"""What was said of steps of a plan goes into the one that is made anew, where it still fits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ledger.errors import Invalid

#: What may be said of a step, by the field of a plan that keeps it.
WAIVE: Final = "waive"
OVERRIDE: Final = "override_window"


def with_words_that_fit(plan: Any, make: Callable[[Mapping[str, Any]], Any]) -> Any:
    """Return the plan that is made with those words about steps of an earlier one that still fit.

    Raises Invalid for what is wrong with anything else.
    """
    said = {name: list(getattr(plan, name)) for name in (WAIVE, OVERRIDE)}
    while True:
        # Nobody waives anything of a single piece.
        words = {name: kept for name, kept in said.items() if getattr(plan, name)}
        try:
            return make(words)
        except Invalid as overtaken:
            # Words of one kind are looked at before those of the other.
            if not _drop_outdated(said, overtaken):
                raise


def _drop_outdated(said: dict[str, list[Any]], overtaken: Invalid) -> bool:
    """Take out those words of which a refusal says that they do not fit. Returns whether there was
    one."""
    outdated = [each.pointer for each in overtaken.errors]
    kept = {
        name: [
            each for at, each in enumerate(words)
            if not any(pointer.startswith(f"/{name}/{at}/") for pointer in outdated)
        ]
        for name, words in said.items()
    }  # fmt: skip
    fewer = kept != said
    said.update(kept)
    return fewer
