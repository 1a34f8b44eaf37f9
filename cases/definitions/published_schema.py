"""The JSON Schema of a definition (draft 2020-12), for editors and for programs that write one.

It is made from the models that read definitions and from the table of words, so that it cannot fall
behind them. What only compiling finds (expressions that do not parse, names of nobody, what parts
mean for each other) it lets pass; whatever compiles, it accepts.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import AliasChoices

from cases.definitions.model import Capability, Goal, Milestone, OutcomePolicy, Sla
from cases.definitions.readers import NEVER_NULL, Part
from cases.definitions.targets import (
    Caller,
    HumanTask,
    Judgment,
    People,
    SignalSent,
    SubCase,
    Throw,
)
from cases.definitions.task_answers import Outcome
from cases.definitions.triggers import EventTrigger, ScheduleTrigger, SignalTrigger
from cases.definitions.written import (
    BINDINGS,
    PLACES,
    Authorization,
    ContextChange,
    Document,
    Spec,
    Step,
    Trigger,
)
from compensation.policy import CompensationPolicy

Schema = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_TEXT: Final[Schema] = {"type": "string"}
_NULL: Final[Schema] = {"type": "null"}
_NUMBER: Final[Schema] = {"type": "number"}
#: By the model that reads a map: where in `PLACES` its words are.
_PLACE_OF: Final[Mapping[type[Part], str]] = {
    Document: "",
    Spec: "/spec",
    Authorization: "/spec/authorization",
    Capability: "/spec/capabilities/*",
    Goal: "/spec/goals/*",
    Milestone: "/spec/milestones/*",
    Sla: "/spec/milestones/*/sla",
    Step: BINDINGS,
    Trigger: f"{BINDINGS}/on",
    ContextChange: f"{BINDINGS}/on/contextChange",
    SignalTrigger: f"{BINDINGS}/on/signal",
    EventTrigger: f"{BINDINGS}/on/cloudEvent",
    ScheduleTrigger: f"{BINDINGS}/on/schedule",
    SignalSent: f"{BINDINGS}/signal",
    Throw: f"{BINDINGS}/throw",
    OutcomePolicy: f"{BINDINGS}/outcomePolicy",
    SubCase: f"{BINDINGS}/subCase",
    HumanTask: f"{BINDINGS}/humanTask",
    Outcome: f"{BINDINGS}/humanTask/outcomes/*",
    Judgment: f"{BINDINGS}/judgment",
    People: f"{BINDINGS}/judgment/human",
    Caller: f"{BINDINGS}/judgment/callerConfig",
}
_EXPRESSION: Final[Schema] = {
    "description": "jq",
    "anyOf": [
        {"type": "string", "pattern": "\\S"},
        {"type": "boolean"},
        {
            "type": "object", "properties": {"jq": {"type": "string", "pattern": "\\S"}},
            "required": ["jq"], "additionalProperties": False,
        },
    ],
}  # fmt: skip
_MAPPING: Final[Schema] = {
    "description": "jq, or a map of names to jq and to values that are no texts",
    "anyOf": [*_EXPRESSION["anyOf"], {"type": "object", "minProperties": 1}],
}
_NAMES: Final[Schema] = {
    "description": "a list of names, one name, several with commas, or jq",
    "anyOf": [{"$ref": "#/$defs/Names"}, *_EXPRESSION["anyOf"]],
}
_RULE: Final[Schema] = {
    "type": "object",
    "properties": {
        word: {
            "type": "array", "minItems": 1,
            "items": {"anyOf": [_TEXT, {"$ref": "#/$defs/Rule"}]},
        }
        for word in ("allOf", "anyOf")
    },
    "minProperties": 1, "maxProperties": 1, "additionalProperties": False,
}  # fmt: skip
_PROJECTION: Final[Schema] = {
    "description": "jq; a JSON Schema is not checked",
    "anyOf": [*_EXPRESSION["anyOf"], {"type": "object"}],
}
_DURATION: Final[Schema] = {
    "description": "ISO 8601, or a number and d, h, m or s; seconds are rounded up",
    "type": "string",
    "pattern": r"^P(?:\d+W|(?:\d+D)?(?:T(?:\d+H)?(?:\d+M)?(?:\d+(?:\.\d+)?S)?)?)$"
    r"|^\d{1,6} ?[dhms]$",
}
_CHOICE: Final[Schema] = {**_TEXT, "description": "a word that nobody knows is left out"}
#: What is read otherwise than the model says, in every map that has the word.
_WORDS: Final[Mapping[str, Schema]] = {
    **dict.fromkeys(("candidateGroups", "candidateUsers"), _NAMES),
    **dict.fromkeys(("inputMapping", "outputMapping", "inputProjectionOverride"), _MAPPING),
    **dict.fromkeys(("expiresIn", "slaDuration", "every"), _DURATION),
    **dict.fromkeys(
        ("priority", "conflictResolverStrategy", "onDecline", "onFailure", "onExpired",
         "onThresholdReached"), _CHOICE,
    ),
    **dict.fromkeys(
        ("inputSchema", "outputSchema", "inputProjection", "outputProjection"), _PROJECTION
    ),
}  # fmt: skip
_LATER: Final = frozenset({"scopeActivated"})


@functools.cache
def published_schema() -> Schema:
    """Return the schema, which nobody changes."""
    made = Document.model_json_schema(by_alias=True)
    defs: Schema = made["$defs"]
    defs["Document"] = {key: value for key, value in made.items() if key != "$defs"}
    for model, place in _PLACE_OF.items():
        defs[model.__name__] = _map_of(model, place, defs[model.__name__])
    defs["Rule"] = _RULE
    defs["Names"] = defs["HumanTask"]["properties"].pop("excludedUsers")["anyOf"][0]
    for name in _lists_of_names(defs["HumanTask"]["properties"]):
        defs["HumanTask"]["properties"][name] = _or_null({"$ref": "#/$defs/Names"})
    for change in _FORMS:
        change(defs)
    root = defs.pop("Document")
    kept = {name: _bare(each) for name, each in sorted(defs.items())}
    return {
        "$schema": DIALECT, "title": "A case definition of Amends", **_bare(root), "$defs": kept,
    }  # fmt: skip


def _lists_of_names(properties: Schema) -> list[str]:
    return [*(name for name in ("excludedGroups", "stakeholders") if name in properties),
            "excludedUsers"]  # fmt: skip


def _map_of(model: type[Part], place: str, made: Schema) -> Schema:
    """Return the schema of one map: its fields under all their names, and the words beside them."""
    words, properties, needed, either = PLACES[place], {}, [], []
    for field in model.model_fields.values():
        alias = field.validation_alias
        names = [str(each) for each in alias.choices] if isinstance(alias, AliasChoices) else []
        names = names or [str(alias)]
        plain = _without_null(made["properties"][names[0]])
        for name in names:
            # A text about which nothing else is said is an expression.
            said = _WORDS.get(name, plain) if model is not Spec else plain
            said = _EXPRESSION if said == _TEXT else said
            properties[name] = said if name in NEVER_NULL else _or_null(said)
        if field.is_required():
            if len(names) == 1:
                needed += names
            else:
                either.append({"anyOf": [{"required": [name]} for name in names]})
    ignored = {word: {"description": f"ignored: {why}"} for word, why in words.ignored.items()}
    # Refused by name, also where a word that nobody knows is not; null says nothing anywhere.
    refused = dict.fromkeys(words.later, _NULL)
    found: Schema = {"type": "object", "properties": {**ignored, **refused, **properties}}
    found |= {"required": needed} if needed else {}
    found |= {"allOf": either} if either else {}
    return {**found, "additionalProperties": words.open or _NULL}


def _without_null(schema: Schema) -> Schema:
    kept = {key: value for key, value in schema.items() if key not in {"title", "default"}}
    others = [each for each in kept.get("anyOf", ()) if each != _NULL]
    if len(others) == 1 and len(kept) == 1:
        return dict(others[0])
    return {**kept, "anyOf": others} if others else kept


def _or_null(schema: Schema) -> Schema:
    return {"anyOf": [schema, _NULL]}


def _bare(value: Any) -> Any:
    """Return a schema without what nobody reads: titles made of names, and defaults."""
    if isinstance(value, list):
        return [_bare(each) for each in value]
    if not isinstance(value, dict):
        return value
    made = {
        key: _bare(each)
        for key, each in value.items()
        if not (key == "default" or (key == "title" and isinstance(each, str)))
    }
    inner = made.get("properties")
    if inner is not None:
        made["properties"] = {key: _bare(each) for key, each in value["properties"].items()}
    return made


def _also(schema: Schema, word: str, *forms: Schema) -> None:
    """Let a word be said in further forms."""
    schema["properties"][word] = {"anyOf": [schema["properties"][word], *forms]}


def _heads(defs: Schema) -> None:
    document = defs["Document"]
    document["properties"]["dsl"] = {"anyOf": [
        {"type": "string", "pattern": r"^[01]\.[0-9]{1,3}(\.[0-9]{1,3})?$"}, _NUMBER, _NULL,
    ]}  # fmt: skip
    _also(document, "version", _NUMBER)
    _also(defs["SubCase"], "version", _NUMBER)


def _spec(defs: Schema) -> None:
    spec, milestone = defs["Spec"], defs["Milestone"]
    named: Schema = {"anyOf": [{"$ref": "#/$defs/Capability"}, _TEXT]}
    spec["properties"]["capabilities"] = _or_null({"type": "array", "items": named})
    named = {"anyOf": [{"$ref": "#/$defs/Milestone"}, _TEXT]}
    spec["properties"]["milestones"] = _or_null({"type": "array", "items": named})
    spec["properties"]["bindings"] = {
        "type": "array", "minItems": 1, "items": {"$ref": "#/$defs/Step"},
    }  # fmt: skip
    spec["required"] = ["bindings"]
    rule: Schema = {
        **_RULE, "maxProperties": 2, "properties": {**_RULE["properties"], "status": _TEXT},
    }  # fmt: skip
    several: Schema = {"type": "array", "items": rule["properties"]["allOf"]["items"]}
    empty: Schema = {
        "type": "object", "properties": {word: {"maxItems": 0} for word in ("allOf", "anyOf")},
        "additionalProperties": False,
    }  # fmt: skip
    known: Schema = {"anyOf": [rule, _TEXT, several, empty, _NULL]}
    spec["properties"]["completion"] = _or_null({
        "type": "object",
        "properties": {"success": known, "failure": known, "doneWhen": _or_null(_EXPRESSION)},
        "additionalProperties": rule,
    })  # fmt: skip
    milestone.pop("allOf", None)
    _also(milestone, "sla", _DURATION)
    defs["Sla"]["properties"]["duration"] = _or_null(_DURATION)
    defs["Sla"]["properties"]["breachPolicy"] = {}
    defs["Goal"]["properties"]["kind"] = _or_null(_CHOICE)


def _steps(defs: Schema) -> None:
    step = defs["Step"]
    _also(step, "on", {"const": "contextChange"})
    for word in ("subCase", "signal"):
        _also(step, word, _TEXT)
    _also(step, "capability", {
        "type": "object", "properties": {"name": _TEXT}, "required": ["name"],
        "additionalProperties": False,
    })  # fmt: skip
    policy: Schema = {name: {} for name in CompensationPolicy.model_fields}
    step["properties"]["compensation"] = {"anyOf": [
        {"const": True}, {"type": "object", "properties": policy, "additionalProperties": False},
    ]}  # fmt: skip
    step["properties"]["reversibility"] = _TEXT
    targets = ("capability", "humanTask", "judgment", "subCase", "signal", "throw")
    step["allOf"] = [
        {"anyOf": [{"required": [target]} for target in targets]},
        {"anyOf": [
            {"required": ["on"]},
            {"required": ["compensation"], "properties": {"compensation": {"const": True}}},
        ]},
    ]  # fmt: skip
    trigger, change = defs["Trigger"], defs["ContextChange"]
    trigger["properties"] |= {word: {"description": "not heard yet"} for word in sorted(_LATER)}
    _also(trigger, "contextChange", _EXPRESSION)
    trigger["minProperties"] = 1
    for word in ("signal", "cloudEvent", "event", "schedule"):
        _also(trigger, word, _TEXT)
    for word in ("type", "source", "subject"):
        heard = defs["EventTrigger"]["properties"]
        heard[word] = _TEXT if word == "type" else _or_null(_TEXT)
    schedule = defs["ScheduleTrigger"]
    for word in ("cron", "timezone", "timeZone"):
        schedule["properties"][word] = _or_null(_TEXT)
    said: Schema = {"not": _NULL}
    schedule["oneOf"] = [
        {"required": [word], "properties": {word: said}} for word in ("cron", "every")
    ]
    thrown = defs["Throw"]["properties"]
    thrown["step"], thrown["steps"] = _or_null(_TEXT), _or_null({"$ref": "#/$defs/Names"})
    sent = defs["SignalSent"]
    for word in ("data", "payload"):
        sent["properties"][word] = _or_null(_EXPRESSION)
    change["properties"]["filter"] = _or_null(_EXPRESSION)


def _tasks(defs: Schema) -> None:
    task, judgment = defs["HumanTask"], defs["Judgment"]
    task.pop("required", None)
    hours: Schema = {"type": "string", "pattern": r"^\s*[0-9]{1,4}(\.[0-9]{1,4})?\s*$"}
    for holder in (task, defs["People"]):
        _also(holder, "claimDeadlineHours", hours)
    for holder in (task, judgment):
        # Lines that are folded count as one.
        holder["properties"]["title"] = _or_null({**_TEXT, "minLength": 1})
    task["anyOf"] = [{"required": [word]} for word in ("title", "titleExpression", "templateRef")]
    judgment["properties"] |= {
        word: task["properties"][word]
        for word in ("candidateGroups", "candidateUsers", "candidateGroupsExpression",
                     "candidateUsersExpression", "claimDeadlineHours", "templateRef")
    }  # fmt: skip
    _also(judgment, "caller", {"$ref": "#/$defs/Caller"})
    outcome = defs["Outcome"]["properties"]
    outcome |= {"displayName": outcome["label"], "condition": {}, "description": {}}


_FORMS: Final[tuple[Callable[[Schema], None], ...]] = (_heads, _spec, _steps, _tasks)
