"""Which steps of a definition nobody declared an undo for. Pure.

The lint, the graph and the pages ask here, so that they never name different steps.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from cases.definitions.model import Binding, CompiledDefinition
from cases.definitions.runtime import undo_policy
from cases.definitions.targets import DOES_NO_WORK, CapabilityCall, SubCase

#: Of these it is said what becomes of them in a rollback: nothing.
SAID_TO_STAY: Final = frozenset({"not_needed", "irreversible", "pivot"})


def is_undone(definition: CompiledDefinition, step: Binding) -> bool:
    """Whether the definition declares how a step is undone, and does not say that it stays."""
    return undo_policy(definition, step) is not None and step.reversibility not in SAID_TO_STAY


def is_covered(definition: CompiledDefinition, step: Binding, covered: Collection[str]) -> bool:
    """Whether it is known what becomes of a step's work in a rollback. Of a case below its own
    definition says it. `covered`: the programs that say it themselves."""
    if step.compensation_only or isinstance(step.target, (SubCase, *DOES_NO_WORK)):
        return True
    by_itself = isinstance(step.target, CapabilityCall) and step.target.capability in covered
    return by_itself or step.reversibility in SAID_TO_STAY or is_undone(definition, step)


def coverage_gaps(definition: CompiledDefinition, covered: Collection[str]) -> tuple[Binding, ...]:
    """Return the steps of which a rollback leaves the work as it is because nobody declared
    anything else, in document order."""
    return tuple(step for step in definition.bindings if not is_covered(definition, step, covered))
