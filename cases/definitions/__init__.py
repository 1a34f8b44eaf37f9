"""Case definitions: from YAML or JSON to a checked, frozen model, and what it says about a context.

Pure code: no database, no Django. `docs/reference/case-definitions.md` describes the format.
"""

from __future__ import annotations

from cases.definitions.compiler import compile_definition, in_order, no_more_than
from cases.definitions.coverage import SAID_TO_STAY, coverage_gaps
from cases.definitions.declared import capabilities_of, context_schema, given_schema
from cases.definitions.model import (
    Binding,
    CompiledDefinition,
    DefinitionError,
    DefinitionInvalid,
    DefinitionWarning,
    Milestone,
    OutcomePolicy,
)
from cases.definitions.needs import Needs, needs
from cases.definitions.reads import fires_by
from cases.definitions.runtime import (
    Ahead,
    Arrived,
    ContextChange,
    Given,
    Laying,
    Readiness,
    Seen,
    context_after,
    contexts_after,
    given_to,
    input_for,
    merged_deep,
    outlook,
    undo_policy,
)
from cases.definitions.targets import (
    DOES_NO_WORK,
    CapabilityCall,
    HumanTask,
    SignalSent,
    SubCase,
    Target,
    Throw,
)
from cases.definitions.task_answers import names_of, rules_of
from cases.definitions.triggers import HEARD, EventTrigger, Heard, ScheduleTrigger
from json_values.jq.evaluation import ExpressionFailed

__all__ = [
    "DOES_NO_WORK",
    "HEARD",
    "SAID_TO_STAY",
    "Ahead",
    "Arrived",
    "Binding",
    "CapabilityCall",
    "CompiledDefinition",
    "ContextChange",
    "DefinitionError",
    "DefinitionInvalid",
    "DefinitionWarning",
    "EventTrigger",
    "ExpressionFailed",
    "Given",
    "Heard",
    "HumanTask",
    "Laying",
    "Milestone",
    "Needs",
    "OutcomePolicy",
    "Readiness",
    "ScheduleTrigger",
    "Seen",
    "SignalSent",
    "SubCase",
    "Target",
    "Throw",
    "capabilities_of",
    "compile_definition",
    "context_after",
    "context_schema",
    "contexts_after",
    "coverage_gaps",
    "fires_by",
    "given_schema",
    "given_to",
    "in_order",
    "input_for",
    "merged_deep",
    "names_of",
    "needs",
    "no_more_than",
    "outlook",
    "rules_of",
    "undo_policy",
]
