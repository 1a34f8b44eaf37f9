"""What is declared of the values of a case, by its definition and by the programs that it calls."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from cases.definitions import CompiledDefinition, capabilities_of, context_schema, given_schema
from cases.models import Case
from cases.selectors import compiled_of
from executions import capability_registry


def schema_of_context(definition: CompiledDefinition) -> Mapping[str, Any]:
    """Return the JSON Schema of what a case knows, as far as it is declared."""
    return context_schema(definition, _outputs(definition))


def schema_given(tenant_id: uuid.UUID, definition_id: str, binding: str) -> Mapping[str, Any]:
    """Return the same of what a step of its cases was given. In the tenant's scope."""
    definition = compiled_of(tenant_id, uuid.UUID(definition_id))
    return given_schema(definition, binding, _outputs(definition))


def declared_in_entries(case: Case) -> dict[str, Any]:
    """Return the schemas of the values that a case's entries keep. In the tenant's scope."""
    known = schema_of_context(compiled_of(case.tenant_id, case.definition_id))
    return {"context": known, "changed": known}


def _outputs(definition: CompiledDefinition) -> dict[str, Mapping[str, Any]]:
    known = {name: capability_registry.get(name) for name in capabilities_of(definition)}
    return {name: found.output_schema for name, found in known.items() if found is not None}
