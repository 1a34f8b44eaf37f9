"""Case definitions: from YAML or JSON to a checked, frozen model, and what it says about a context.

Pure code: no database, no Django. `docs/reference/case-definitions.md` describes the format.
"""

from __future__ import annotations

from cases.definitions.compiler import compile_definition
from cases.definitions.expressions import (
    ExpressionFailed,
    Json,
    evaluate,
    evaluate_many,
    is_true,
    truthy,
)
from cases.definitions.model import (
    Binding,
    Capability,
    CapabilityCall,
    CompiledDefinition,
    DefinitionError,
    DefinitionInvalid,
    DefinitionWarning,
    Goal,
    HumanTask,
    Rule,
)
from cases.definitions.runtime import (
    Readiness,
    context_after,
    evaluate_completion,
    input_for,
    ready_bindings,
    undo_policy,
)

__all__ = [
    "Binding",
    "Capability",
    "CapabilityCall",
    "CompiledDefinition",
    "DefinitionError",
    "DefinitionInvalid",
    "DefinitionWarning",
    "ExpressionFailed",
    "Goal",
    "HumanTask",
    "Json",
    "Readiness",
    "Rule",
    "compile_definition",
    "context_after",
    "evaluate",
    "evaluate_completion",
    "evaluate_many",
    "input_for",
    "is_true",
    "ready_bindings",
    "truthy",
    "undo_policy",
]
