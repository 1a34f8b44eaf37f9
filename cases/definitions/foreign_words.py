"""Words that mean something to other engines and nothing here: what is different without them.

Who writes one is warned by its name (`IGNORED`), or refused by it where ignoring it would make
something else of the definition (`REFUSED`). Tables, no branches: a new word is a word in a line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final


def _words(consequences: Mapping[str, str]) -> dict[str, str]:
    return {word: why for why, words in consequences.items() for word in words.split()}


_NOBODY_SEES: Final = "nothing here shows or reads it"
_NO_PAST: Final = "no past case is looked up"
_NO_PLANNING: Final = "steps start by their conditions alone, and nobody plans any"
_NO_MONITOR: Final = "nothing watches the case or mends it by itself"
_NO_ROUTING: Final = "who may do a task is said by its candidates alone"
_BY_NAME: Final = "a step calls what is registered here by the name of its capability"
_ONE_CONTEXT: Final = "a case has one context, and every change of it counts"

_ONCE: Final = (
    "what others do once for each item is done once, and no item is laid into the context"
)

#: Of the whole definition, and of its spec, where the same words stand too.
IGNORED: Final = _words(
    {
        _NOBODY_SEES: "contextType description episodic labels semanticData types",
        _NO_PAST: "cbr cbrConfig memoryRetrieval",
        _NO_PLANNING: "planningStrategy decompositionStrategy decomposition maxDecompositionDepth "
        "maxAdaptations maxEscalations adaptation actions goapActions planningConstraints "
        "portfolioConfig definitions",
        _NO_MONITOR: "reflection monitoring recoveryPolicy stallRecoveryPolicy",
        _NO_ROUTING: "routing agentRouting defaultQuorum humanTaskContextConstraints "
        "humanTaskWorkloadConstraint",
        _BY_NAME: "workers",
        _ONE_CONTEXT: "layers",
        _ONCE: "iterations",
        "each step starts by its own conditions, and how many suffice is not counted": "compounds",
        "a case begins with the context that it is opened with": "context",
        "no secret and no configuration is handed to a step": "use",
        "what a step hears is said in its on": "signals",
        "no label is set by a rule": "labelRules",
        "no event from outside changes a context": "inboundMappings",
    }
)
#: Of which every item is named by itself.
BY_ITEM: Final = frozenset({"workers"})

#: Of which null wants nothing, and nothing is said.
NOTHING_AS_NULL: Final = frozenset({"iterations", "compounds"})

IGNORED_IN_BINDINGS: Final = _words(
    {
        _NOBODY_SEES: "annotations description labels metadata title types produces consumes "
        "producedKeys requiredKeys",
        _NO_PAST: "cbr",
        _NO_PLANNING: "replanAfter contingency priority",
        "how often and how long it is tried is said where a capability is registered": "retry "
        "retries executionPolicy timeout timeoutMs",
        _NO_MONITOR: "recoveryOverride",
        _ONE_CONTEXT: "exchangeProjection",
        _ONCE: "iterations",
        _NO_ROUTING: "participation permissionIntent",
        "the step runs once for each time its conditions hold": "executionMode lifecycleScope",
        "what repeats a call knows by its idempotency key whether it was done": "sideEffect "
        "sideEffectClass sideEffectClassification",
    }
)
IGNORED_IN_AUTHORIZATION: Final = _words(
    {"every member reads all cases of the organisation": "read", _NO_ROUTING: "claim"}
)
IGNORED_IN_TRIGGERS: Final = _words({_ONE_CONTEXT: "listenLayer"})
IGNORED_IN_GOALS: Final = _words({_NOBODY_SEES: "description title labels"})
IGNORED_IN_TASKS: Final = _words(
    {
        _NO_ROUTING: "assignmentStrategy",
        _NOBODY_SEES: "labels description formKey instructions metadata",
        "values are not typed": "payloadType resolutionType",
    }
)
IGNORED_IN_JUDGMENTS: Final = IGNORED_IN_TASKS | _words(
    {
        "nobody but the person who is asked judges": "evidenceRequirements verifierStrategy "
        "trustThreshold",
        "a missed deadline ends the task": "escalationStrategy maxEscalationAttempts",
    }
)

#: Where no sentence says why: it may come.
REFUSED: Final = {
    "worker": "worker is not supported: a binding calls a capability, by its name",
    "bindings": "bindings belongs into spec",
}
#: Of a whole document: what it is instead of a definition that anybody reads.
DEAD_DIALECT: Final = (
    "written with apiVersion, kind and metadata, which nothing reads any more: dsl, namespace, "
    "name, version and spec are needed"
)
TEMPLATE: Final = "a template (id and trigger), and no definition: it has no bindings of its own"
