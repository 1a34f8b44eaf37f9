"""Case definitions: from YAML or JSON to a checked, frozen model, and what it says about a context.

Pure code: no database, no Django. `docs/reference/case-definitions.md` describes the format.
"""

from __future__ import annotations

from cases.definitions.compiler import compile_definition
from cases.definitions.model import (
    Binding,
    CapabilityCall,
    CompiledDefinition,
    DefinitionInvalid,
    HumanTask,
)
from cases.definitions.runtime import (
    ContextChange,
    context_after,
    evaluate_completion,
    input_for,
    ready_bindings,
    undo_policy,
)
from json_values.jq.evaluation import ExpressionFailed

__all__ = [
    "Binding",
    "CapabilityCall",
    "CompiledDefinition",
    "ContextChange",
    "DefinitionInvalid",
    "ExpressionFailed",
    "HumanTask",
    "compile_definition",
    "context_after",
    "evaluate_completion",
    "input_for",
    "ready_bindings",
    "undo_policy",
]
