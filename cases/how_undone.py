"""What becomes of the steps of a definition in a rollback, as their programs here say it too."""

from __future__ import annotations

from typing import Final

from cases.definitions import (
    SAID_TO_STAY,
    Binding,
    CapabilityCall,
    CompiledDefinition,
    SubCase,
    coverage_gaps,
    undo_policy,
)
from compensation.policy import UNSPECIFIED, CompensationPolicy
from executions import capability_registry

_FINAL: Final = frozenset({"irreversible", "pivot"})


def covered_capabilities() -> frozenset[str]:
    """Return the capabilities that say themselves what becomes of them in a rollback."""
    known = {name: capability_registry.get(name) for name in capability_registry.names()}
    return frozenset(
        name
        for name, each in known.items()
        if each is not None and (each.policy is not None or each.reversibility in SAID_TO_STAY)
    )


def gaps_of(definition: CompiledDefinition) -> frozenset[str]:
    """Return the names of the steps of which nobody declared how they are undone: those that the
    lint warns about."""
    return frozenset(step.name for step in coverage_gaps(definition, covered_capabilities()))


def reversibility_of(step: Binding) -> str:
    """Return whether a step can be undone: its definition's word, else its program's."""
    found = _program(step)
    if step.reversibility != UNSPECIFIED or found is None:
        return step.reversibility
    return found.reversibility


def is_final(step: Binding) -> bool:
    """Whether it is said of a step that it cannot be undone."""
    return reversibility_of(step) in _FINAL


def policy_of(definition: CompiledDefinition, step: Binding) -> CompensationPolicy | None:
    """Return how a step is undone: its definition's word, else its program's; None where neither
    says it."""
    declared, found = undo_policy(definition, step), _program(step)
    return declared if declared is not None or found is None else found.policy


def has_undo(definition: CompiledDefinition, step: Binding) -> bool:
    """Whether a step is undone in a rollback. A case below is, by its own definition."""
    if reversibility_of(step) in SAID_TO_STAY:
        return False
    return isinstance(step.target, SubCase) or policy_of(definition, step) is not None


def _program(step: Binding) -> capability_registry.Capability | None:
    target = step.target
    called = target.capability if isinstance(target, CapabilityCall) else ""
    return capability_registry.get(called) if called else None
