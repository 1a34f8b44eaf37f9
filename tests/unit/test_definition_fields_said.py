"""The fields of definitions that mean something elsewhere: each is warned of, or refused, by name.

Nothing is left out in silence: what the tables do not name is an unknown field, which is said too.
"""

from __future__ import annotations

import copy
from typing import Any

import pytest

from cases.definitions import Throw, compile_definition
from cases.definitions.foreign_words import DEAD_DIALECT, TEMPLATE
from tests.defined_fields import BASE, CALL, CHILD, JUDGE, TASK, having, refused, task, warned

WORKERS = "workers is ignored: a step calls what is registered here by the name of its capability"
#: Where it stands, what is written, the code of the warning, and what it says is different.
WARNED: list[tuple[str, Any, str, str]] = [
    ("/dslVersion", "0.1", "unknown_field", "unknown field 'dslVersion' is ignored; known are "),
    ("/spec/capabilities/0/inputSchemaRef", "x", "unknown_field", "'inputSchemaRef' is ignored"),
    *(
        (f"{place}/{word}", value, "ignored", said)
        for place in ("", "/spec")
        for said, words in {
            "nothing here shows or reads it": "contextType description episodic labels "
            "semanticData types",
            "no past case is looked up": "cbr cbrConfig memoryRetrieval",
            "steps start by their conditions alone, and nobody plans any": "planningStrategy "
            "decompositionStrategy decomposition maxDecompositionDepth maxAdaptations "
            "maxEscalations adaptation actions goapActions planningConstraints portfolioConfig",
            "nothing watches the case or mends it by itself": "reflection monitoring "
            "recoveryPolicy stallRecoveryPolicy",
            "who may do a task is said by its candidates alone": "routing agentRouting "
            "defaultQuorum humanTaskContextConstraints humanTaskWorkloadConstraint",
            "a case has one context, and every change of it counts": "layers",
            "what others do once for each item is done once, and no item is laid into the "
            "context": "iterations",
            "each step starts by its own conditions, and how many suffice is not "
            "counted": "compounds",
            "a case begins with the context that it is opened with": "context",
            "no secret and no configuration is handed to a step": "use",
            "what a step hears is said in its on": "signals",
            "no label is set by a rule": "labelRules",
            "no event from outside changes a context": "inboundMappings",
        }.items()
        for word in words.split()
        for value in [{"a": 1}]
    ),
    ("/definitions", {}, "ignored", "nobody plans any"),
    ("/dsl", "1.0.0", "dialect", "dsl 1.0.0 is read as 0.1"),
    ("/whatever", 1, "unknown_field", "unknown field 'whatever' is ignored"),
    ("/spec/whatever", 1, "unknown_field", "unknown field 'whatever' is ignored"),
    ("/spec/goals/0/description", "d", "ignored", "nothing here"),
    ("/spec/milestones/0/title", "d", "ignored", "nothing here"),
    ("/spec/capabilities/0/prerequisites", ["x"], "unknown_field", "'prerequisites' is ignored"),
    ("/spec/capabilities/0/cognitiveDemand", 3, "unknown_field", "'cognitiveDemand' is ignored"),
    ("/spec/capabilities/0/inputSchema", {"type": "object"}, "schema_not_checked",
     "inputSchema as a JSON Schema is ignored"),
    (f"{CALL}/capability", "undeclared", "undeclared_capability", "'undeclared' is not declared"),
    (f"{CALL}/conflictResolverStrategy", "CUSTOM", "unknown_value",
     "conflictResolverStrategy 'CUSTOM' is not known here and is ignored; known are LAST_WRITER"),
    (f"{CALL}/outcomePolicy/onFailure", "RETRY", "unknown_value",
     "onFailure 'RETRY' is not known here and is ignored; known are FAULT, REROUTE"),
    (f"{CHILD}/onThresholdReached", "STOP", "unknown_value",
     "onThresholdReached 'STOP' is not known here and is ignored; known are KEEP, CANCEL"),
    (f"{TASK}/priority", "critical", "unknown_value",
     "priority 'critical' is not known here and is ignored; known are LOW, MEDIUM, HIGH, URGENT"),
    *(
        (f"{CALL}/{word}", "x", "ignored", f"{word} is ignored: ")
        for word in (
            "description title labels types produces consumes producedKeys requiredKeys "
            "replanAfter contingency recoveryOverride exchangeProjection participation "
            "permissionIntent executionMode lifecycleScope sideEffect sideEffectClass "
            "sideEffectClassification cbr priority retry retries executionPolicy timeout timeoutMs "
            "annotations metadata iterations"
        ).split()
    ),
    (f"{CALL}/on/contextChange/listenLayer", "x", "ignored", "one context"),
    (f"{TASK}/scope", "a/b", "not_executed", "scope is kept, and nothing here"),
    (f"{TASK}/scopeExpression", ".s", "not_executed", "scopeExpression is kept"),
    (f"{TASK}/types", ["a"], "not_executed", "types is kept"),
    (f"{TASK}/payloadType", "P", "ignored", "values are not typed"),
    (f"{TASK}/resolutionType", "R", "ignored", "values are not typed"),
    (f"{CHILD}/whatever", 1, "unknown_field", "unknown field"),
    (f"{JUDGE}/title", "T", "ignored", "prompt is ignored: the title is what is shown"),
    (f"{JUDGE}/human/payloadType", "P", "ignored", "values are not typed"),
    (f"{JUDGE}/resolutionType", "R", "ignored", "values are not typed"),
    *(
        (f"{JUDGE}/{word}", 1, "ignored", f"{word} is ignored: ")
        for word in (
            "evidenceRequirements verifierStrategy trustThreshold escalationStrategy "
            "maxEscalationAttempts"
        ).split()
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("pointer", "value", "code", "said"), WARNED, ids=[f"{row[0]} {row[1]}"[:60] for row in WARNED]
)
def test_a_field_that_does_nothing_is_warned_of_by_its_name(
    pointer: str, value: Any, code: str, said: str
) -> None:
    ((found, _where, message),) = warned(pointer, value)
    assert found == code
    assert said in message


def test_what_is_said_of_an_agent_as_if_it_were_a_person_is_not_followed() -> None:
    source = having(f"{JUDGE}/callerConfig", {"type": "agent"})
    source["spec"]["bindings"][3]["judgment"] |= {
        "human": {"candidateGroups": ["g"]}, "expiresIn": "PT1H", "priority": "HIGH",
        "outcomes": ["YES", "NO"],
    }  # fmt: skip
    found = compile_definition(source, capabilities=None).warnings
    own = [(each.code, each.pointer) for each in found if each.pointer.startswith(JUDGE)]
    assert own == [
        ("not_executed", JUDGE),
        *(("not_executed", f"{JUDGE}/{word}")
          for word in ("expiresIn", "human", "outcomes", "priority")),
    ]  # fmt: skip


def test_an_undo_is_judged_by_people() -> None:
    source = undo(judgment={"prompt": "U", "caller": "agent"})
    assert refused(source) == [(f"{UNDO}/judgment/caller", "an undo step is judged by people")]
    source = undo(humanTask={"title": "U", "templateRef": "t"})
    assert refused(source) == [
        (f"{UNDO}/humanTask/templateRef",
         "belongs to a forward task: an undo step says itself what is to be done"),
    ]  # fmt: skip


@pytest.mark.parametrize("group", [None, "g"])
def test_the_policy_of_a_member_of_a_group_is_not_followed(group: str | None) -> None:
    source = copy.deepcopy(BASE)
    target = {"name": "low"} | ({"groupId": group} if group else {})
    source["spec"]["bindings"].append(
        {
            "name": "member", "on": {"contextChange": {}}, "when": ".member == null",
            "subCase": target, "outcomePolicy": {"onFailure": "REROUTE"},
        }
    )  # fmt: skip
    found = compile_definition(source, capabilities=None).warnings
    at = f"/spec/bindings/{len(source['spec']['bindings']) - 1}/outcomePolicy"
    assert [each.code for each in found if each.pointer == at] == (
        ["not_executed"] if group else []
    )


def test_each_worker_is_named() -> None:
    said = [{"name": "a", "capabilities": ["act"]}, {"name": "b", "agent": {}}]
    for place in ("", "/spec"):
        assert warned(f"{place}/workers", said) == [
            ("ignored", f"{place}/workers/{number}", f"{name!r} of {WORKERS}")
            for number, name in enumerate("ab")
        ]  # fmt: skip


REFUSED: list[tuple[str, Any, str]] = [
    ("/dsl", "2.0", "dsl must be one of 0.1, 0.1.0, 1.0.0"),
    ("/bindings", [], "bindings belongs into spec"),
    ("/sumary", "x", "unknown field 'sumary'; known are "),
    ("/spec/bindigs", [], "unknown field 'bindigs'; known are "),
    ("/spec/stages", [], "stages is not supported yet"),
    (f"{CALL}/capability", "io.demo/act", "capability 'io.demo/act' is not a name: "),
    (f"{CALL}/capability", "to act", "capability 'to act' is not a name: "),
    (f"{CALL}/on", {"signal": {"name": "an other"}}, "name 'an other' is not a name: "),
    (f"{CALL}/on", {"signal": {}}, "name is required"),
    (f"{CALL}/on", {"cloudEvent": {"source": "/s"}}, "type is required"),
    (f"{CALL}/on", {"schedule": {}}, "exactly one of cron and every is required"),
    (f"{CALL}/on", {"schedule": {"cron": "0 8 * * *", "every": "PT1H"}},
     "exactly one of cron and every is required"),
    (f"{CALL}/on", {"schedule": {"every": "soon"}}, "every: 'soon' is not a duration"),
    (f"{CALL}/worker", "w", "worker is not supported: "),
    (f"{CALL}/wen", ".x", "unknown field 'wen'; known are "),
    (f"{CALL}/guard", ".x", "unknown field 'guard'; known are "),
    (f"{TASK}/candidateGroup", ["t"], "unknown field 'candidateGroup'; known are "),
    (f"{TASK}/claimDeadlineHours", 0, "claimDeadlineHours must be greater than 0"),
    (f"{JUDGE}/caller", "oracle",
     "a judgment by 'oracle' is not supported: only by human or agent"),
    (f"{JUDGE}/callerConfig/type", "jury", "a judgment by 'jury' is not supported: only by human"),
    ("/version", "v1", "version 'v1' is not semantic"),
    (f"{CALL}/when", {"mvel": "a"}, "expressions in 'mvel': only jq is read"),
    ("/expressionLang", "mvel", "expressionLang must be one of jq, JQ"),
    (f"{CHILD}/maxRecursionDepth", 21, "maxRecursionDepth must be at most 20"),
    (f"{CHILD}/requiredCount", 0, "requiredCount must be at least 1"),
    (f"{CHILD}/waitForCompletion", "yes", "waitForCompletion must be true or false"),
    (f"{CHILD}/name", "an other", "name 'an other' is not a name: "),
    (f"{CALL}/outcomePolicy/maxRerouteAttempts", 1.5, "maxRerouteAttempts must be a whole number"),
    (f"{CALL}/compensationOrder", "first", "compensationOrder must be a number"),
    (f"{CALL}/contextWrite", [1], "must be a map"),
    ("/spec/milestones/0/sla", {"duration": "soon"}, "duration: 'soon' is not a duration"),
]  # fmt: skip


#: What no schema knows to be wrong.
VALUES: list[tuple[str, Any, str]] = [
    (f"{CALL}/on", {"cloudEvent": {"type": "t", "filter": ".a =="}}, "not a usable jq expression"),
    (f"{CALL}/on", {"schedule": {"cron": "8 o'clock"}}, "cron \"8 o'clock\" must have five fields"),
    (f"{CALL}/on", {"schedule": {"cron": "0 8 * * *", "timezone": "Mars"}},
     "timezone 'Mars' is not known"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("pointer", "value", "said"),
    [*REFUSED, *VALUES],
    ids=[f"{row[0]} {row[1]}"[:60] for row in [*REFUSED, *VALUES]],
)
def test_a_field_that_would_mean_something_else_is_refused_by_its_name(
    pointer: str, value: Any, said: str
) -> None:
    ((where, message),) = refused(having(pointer, value))
    assert message.startswith(said), message
    assert where.startswith(pointer) or pointer.startswith(where)


def test_what_is_no_definition_at_all_is_told_so_and_nothing_else() -> None:
    assert refused({"apiVersion": "v1", "kind": "Case", "metadata": {"name": "x"}, "spec": {}}) == [
        ("", DEAD_DIALECT)
    ]  # fmt: skip
    assert refused({"id": "x", "trigger": {"type": "t", "source": "s"}}) == [("", TEMPLATE)]


def test_an_undo_is_no_case_of_its_own() -> None:
    source = copy.deepcopy(BASE)
    source["spec"]["bindings"].append(
        {"name": "undo", "compensation": True, "subCase": {"name": "x"}}
    )
    assert refused(source) == [
        ("/spec/bindings/4/subCase", "an undo step has a task or a capability, and no subCase")
    ]


UNDO = "/spec/bindings/4"


def undo(**words: Any) -> dict[str, Any]:
    """Return the definition with an undo step that nobody names."""
    source = copy.deepcopy(BASE)
    source["spec"]["bindings"].append({"name": "undo", "compensation": True, **words})
    return source


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("contextWrite", {"a": 1}), ("outcomePolicy", {"onFailure": "REROUTE"}),
        ("compensationOrder", 0),
    ],
)  # fmt: skip
def test_what_only_a_step_that_fires_says_has_no_effect_on_an_undo(word: str, value: Any) -> None:
    source = undo(humanTask={"title": "U"}, **{word: value})
    found = compile_definition(source, capabilities=None).warnings
    assert [(each.code, each.message) for each in found if each.pointer.startswith(UNDO)] == [
        ("unnamed", "no binding names 'undo' in compensate"),
        ("idle", f"{word} has no effect: it is about steps that fire, and an undo step does not"),
    ]  # fmt: skip


def test_an_undo_judgment_has_no_hours_to_be_claimed() -> None:
    source = undo(judgment={"prompt": "U", "human": {"claimDeadlineHours": 4}})
    ((where, said),) = refused(source)
    assert where == f"{UNDO}/judgment/human/claimDeadlineHours"
    assert said == "belongs to a forward task; of an undo see deadline of the policy that names it"


def test_what_an_undo_judgment_would_ask_is_named_as_it_is_written() -> None:
    source = undo(judgment={"prompt": "U", "promptExpression": ".t"})
    found = compile_definition(source, capabilities=None).warnings
    [warning] = [each for each in found if each.pointer.startswith(f"{UNDO}/")]
    assert warning.pointer == f"{UNDO}/judgment/promptExpression"
    assert warning.message.startswith("promptExpression is not asked of an undo step: ")


def test_of_two_titles_one_is_asked_and_the_other_stands_where_that_finds_nothing() -> None:
    for written, asked in (("prompt", "promptExpression"), ("title", "titleExpression")):
        source = having("/spec/bindings/3/judgment", {written: "Is it so?", asked: ".t"})
        found = compile_definition(source, capabilities=None)
        asks = task(found, 3)
        assert (asks.title, asks.title_expression) == ("Is it so?", ".t")
        assert [each for each in found.warnings if each.pointer.startswith(JUDGE)] == []


@pytest.mark.parametrize("said", ["DEEP_MERGE", "deepMerge", "deep-merge", "Deep Merge"])
def test_a_word_to_choose_is_read_however_it_is_spelt(said: str) -> None:
    source = having(f"{CALL}/conflictResolverStrategy", said)
    found = compile_definition(source, capabilities=None)
    assert found.bindings[1].conflict_strategy == "DEEP_MERGE"
    assert not [each for each in found.warnings if each.pointer.startswith(CALL)]


def test_without_dsl_it_is_read_as_the_first() -> None:
    source = copy.deepcopy(BASE)
    del source["dsl"]
    found = compile_definition(source, capabilities=None).warnings
    assert [(each.code, each.message) for each in found if each.code == "dialect"] == [
        ("dialect", "dsl is missing: read as 0.1")
    ]


def test_a_version_is_a_text_however_it_is_written() -> None:
    text = (
        "dsl: 0.1\nnamespace: t\nname: v\nversion: 1.10\nspec:\n  bindings:\n"
        "    - {name: a, on: {contextChange: .x}, humanTask: {title: T}}\n"
    )
    assert compile_definition(text, capabilities=None).version == "1.10"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"compensate": "task"}, "compensate may not stand beside signal, which does no work"),
        ({"compensation": {"mode": "human"}}, "compensation may not stand beside signal"),
        ({"outcomePolicy": {"onFailure": "FAULT"}}, "outcomePolicy may not stand beside signal"),
        ({"capability": "act"}, "only one target is allowed: "),
        ({"inputMapping": ".a"}, "inputMapping of a signal stands inside it"),
    ],
)
def test_a_step_that_only_signals_does_no_work(words: dict[str, Any], said: str) -> None:
    source = copy.deepcopy(BASE)
    step = {"name": "tell", "on": {"contextChange": {}}, "when": ".a", "signal": "go"}
    source["spec"]["bindings"].append(step | words)
    assert any(message.startswith(said) for _, message in refused(source))


def test_a_signal_that_no_step_hears_is_warned_of() -> None:
    source = copy.deepcopy(BASE)
    step = {"name": "tell", "on": {"contextChange": {}}, "when": ".z == null", "signal": "go"}
    source["spec"]["bindings"].append(step)
    found = compile_definition(source, capabilities=None).warnings
    (said,) = (each for each in found if each.pointer.startswith("/spec/bindings/4"))
    assert (said.code, said.pointer, said.message) == (
        "unheard_signal", "/spec/bindings/4/signal/name",
        "no step hears the signal 'go': nothing comes of it",
    )  # fmt: skip
    source["spec"]["bindings"][0]["on"] = {"signal": "go"}
    assert "unheard_signal" not in {
        each.code for each in compile_definition(source, capabilities=None).warnings
    }


def throwing(throw: Any) -> dict[str, Any]:
    source = copy.deepcopy(BASE)
    step = {"name": "back", "on": {"contextChange": {}}, "when": ".bad", "throw": throw}
    source["spec"]["bindings"].append(step)
    return source


@pytest.mark.parametrize(
    ("throw", "pointer", "said"),
    [
        ({}, "", "scope is required"),
        ({"scope": "some"}, "/scope", "scope must be one of whole, from_step, steps"),
        ({"scope": ["whole"], "step": "task"}, "/scope", ""),
        ({"scope": "whole", "then": "stop"}, "/then", "then must be one of resume, end"),
        ({"scope": "whole", "step": "task"}, "/step", "step means nothing for scope whole"),
        ({"scope": "from_step"}, "", "scope from_step needs step"),
        ({"scope": "steps", "steps": []}, "", "scope steps needs steps"),
        ({"scope": "from_step", "step": "nobody"}, "/step",
         "there is no step 'nobody' that does any work"),
        ({"scope": "steps", "steps": ["task", "back"]}, "/steps/1",
         "there is no step 'back' that does any work"),
        ({"scope": "whole", "reason": "x"}, "/reason", "unknown field 'reason'; known are "),
    ],
)  # fmt: skip
def test_a_throw_says_what_it_is_about(throw: Any, pointer: str, said: str) -> None:
    ((where, message),) = refused(throwing(throw))
    assert where == f"/spec/bindings/4/throw{pointer}"
    assert message.startswith(said)


@pytest.mark.parametrize(
    ("throw", "names", "then"),
    [
        ({"scope": "whole"}, (), "resume"),
        ({"scope": "from_step", "step": "task", "then": "end"}, ("task",), "end"),
        ({"scope": "steps", "steps": ["task", "call"]}, ("task", "call"), "resume"),
    ],
)
def test_a_throw_is_read_and_stored(throw: Any, names: tuple[str, ...], then: str) -> None:
    found = compile_definition(throwing(throw), capabilities=None)
    target = found.bindings[4].target
    assert isinstance(target, Throw)
    assert (target.scope, target.names, target.then) == (throw["scope"], names, then)
    assert type(found).from_json(found.to_json()) == found.model_copy(
        update={"warnings": (), "named": ()}
    )
    assert "coverage_gap" not in {each.code for each in found.warnings}
