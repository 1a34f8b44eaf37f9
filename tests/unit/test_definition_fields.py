"""The fields of definitions that mean something here: each is read, and kept as it was read.

A table: where a field stands, what is written, and what of the compiled definition says so. What is
only warned of, or refused, is in `test_definition_fields_said.py`.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cases.definitions import (
    CapabilityCall,
    CompiledDefinition,
    EventTrigger,
    ScheduleTrigger,
    compile_definition,
)
from cases.definitions.model import Milestone, OutcomePolicy, Sla
from tests.defined_fields import (
    CALL,
    CHILD,
    JUDGE,
    TASK,
    called,
    child,
    having,
    read,
    refused,
    task,
)


def started_by(found: CompiledDefinition) -> tuple[Any, ...]:
    """Return what starts the second step, and whether a change of the context does not."""
    step = found.bindings[1]
    return step.on_signal, step.on_event, step.on_schedule, step.deaf


def by_agent(found: CompiledDefinition) -> tuple[Any, ...]:
    target = found.bindings[3].target
    assert isinstance(target, CapabilityCall)
    return target.capability, target.performer, target.input_mapping


#: Where it stands, what is written, what of the compiled definition says so.
READ: list[tuple[str, Any, Any, Any]] = [
    ("/dsl", "0.1.0", lambda d: d.version, "1.0.0"),
    ("/version", "2.1", lambda d: d.version, "2.1"),
    ("/version", "2", lambda d: d.version, "2"),
    ("/title", "A title", lambda d: d.title, "A title"),
    ("/summary", "More", lambda d: d.summary, "More"),
    ("/expressionLang", "jq", lambda d: d.name, "fields"),
    ("/spec/authorization", {"write": ["x", "y"]}, lambda d: d.may_open, ("x", "y")),
    ("/spec/completion", {"failure": {"anyOf": [{"allOf": ["done"]}]}},
     lambda d: [kind for kind, _ in d.completion], ["failure"]),
    ("/spec/capabilities/0/description", "D", lambda d: d.capabilities[0].description, "D"),
    ("/spec/capabilities/0/inputSchema", "{a}", lambda d: called(d).input_mapping, "{a}"),
    ("/spec/capabilities/0/outputSchema", "{b: .}", lambda d: called(d).output_mapping, "{b: .}"),
    ("/spec/capabilities/0/inputProjection", "{a}", lambda d: called(d).input_mapping, "{a}"),
    ("/spec/capabilities/0/outputProjection", ".o", lambda d: called(d).output_mapping, ".o"),
    (f"{CALL}/inputMapping", "{c}", lambda d: called(d).input_mapping, "{c}"),
    (f"{CALL}/outputMapping", "{d: .}", lambda d: called(d).output_mapping, "{d: .}"),
    (f"{CALL}/inputProjectionOverride", "{e}", lambda d: called(d).input_mapping, "{e}"),
    (f"{CALL}/on", {"contextChange": ".x"}, lambda d: d.bindings[1].filter, ".x"),
    (f"{CALL}/on", {"contextChange": {"filter": ".x"}}, lambda d: d.bindings[1].filter, ".x"),
    (f"{CALL}/on", {"signal": {"name": "go"}}, started_by, ("go", None, None, True)),
    (f"{CALL}/on", {"cloudEvent": {"type": "t", "source": "/s", "subject": "u", "filter": ".x"}},
     started_by,
     (None, EventTrigger(type="t", source="/s", subject="u", filter=".x"), None, True)),
    (f"{CALL}/on", {"schedule": {"cron": "0 8 * * *", "timezone": "Europe/Lisbon"}},
     started_by,
     (None, None, ScheduleTrigger(cron="0 8 * * *", timezone="Europe/Lisbon"), True)),
    (f"{CALL}/on", {"schedule": {"every": "PT1H"}, "contextChange": {}},
     started_by, (None, None, ScheduleTrigger(every=timedelta(hours=1)), False)),
    (f"{CALL}/when", {"jq": ".y"}, lambda d: d.bindings[1].when, ".y"),
    (f"{CALL}/conflictResolverStrategy", "LAST_WRITER_WINS",
     lambda d: d.bindings[1].conflict_strategy, "LAST_WRITER_WINS"),
    (f"{CALL}/conflictResolverStrategy", "DEEP_MERGE",
     lambda d: d.bindings[1].conflict_strategy, "DEEP_MERGE"),
    (f"{CALL}/outcomePolicy", {"onDecline": "FAULT", "onFailure": "FAULT", "onExpired": "FAULT",
                               "maxRerouteAttempts": 0},
     lambda d: d.bindings[1].outcome_policy,
     OutcomePolicy(on_decline="FAULT", on_failure="FAULT", on_expired="FAULT",
                   max_reroute_attempts=0)),
    (f"{TASK}/templateRef", "review",
     lambda d: (task(d).template_ref, task(d).title), ("review", "task")),
    (f"{JUDGE}/human", {"templateRef": "review"}, lambda d: task(d, 3).template_ref, "review"),
    (f"{JUDGE}/caller", {"type": "AI", "agent": "bot"}, by_agent,
     ("judgment", "bot", '{prompt: "Is it so?", outcomes: [], input: .}')),
    (f"{JUDGE}/callerConfig", {"type": "llm", "name": "bot"}, by_agent,
     ("judgment", "bot", '{prompt: "Is it so?", outcomes: [], input: .}')),
    (f"{TASK}/titleExpression", ".t", lambda d: task(d).title_expression, ".t"),
    (f"{TASK}/expiresInExpression", ".i", lambda d: task(d).expires_in_expression, ".i"),
    (f"{TASK}/expiresAtExpression", ".x", lambda d: task(d).expires_at_expression, ".x"),
    (f"{TASK}/expiresIn", "PT24H", lambda d: task(d).expires_in, timedelta(days=1)),
    (f"{TASK}/claimDeadlineHours", 1.5, lambda d: task(d).claim_deadline_hours, 1.5),
    (f"{TASK}/candidateGroups", ["g"], lambda d: task(d).candidate_groups, ("g",)),
    (f"{TASK}/candidateUsers", ["u"], lambda d: task(d).candidate_users, ("u",)),
    (f"{TASK}/outcomes", ["A", "B"], lambda d: task(d).outcomes, ("A", "B")),
    (f"{TASK}/priority", "urgent", lambda d: task(d).priority, "URGENT"),
    (f"{TASK}/inputMapping", "{i}", lambda d: task(d).input_mapping, "{i}"),
    (f"{TASK}/outputMapping", "{o: .}", lambda d: task(d).output_mapping, "{o: .}"),
    (f"{CHILD}/namespace", "elsewhere", lambda d: child(d).namespace, "elsewhere"),
    (f"{CHILD}/version", "1.0", lambda d: child(d).version, "1.0"),
    (f"{CHILD}/waitForCompletion", False, lambda d: child(d).wait_for_completion, False),
    (f"{CHILD}/inputMapping", "{i}", lambda d: child(d).input_mapping, "{i}"),
    (f"{CHILD}/outputMapping", "{o: .}", lambda d: child(d).output_mapping, "{o: .}"),
    (f"{CHILD}/maxRecursionDepth", 20, lambda d: child(d).max_recursion_depth, 20),
    (f"{CHILD}/groupId", "g", lambda d: child(d).group_id, "g"),
    (f"{CHILD}/totalInGroup", 3, lambda d: child(d).total_in_group, 3),
    (f"{CHILD}/requiredCount", 2, lambda d: child(d).required_count, 2),
    (f"{CHILD}/onThresholdReached", "KEEP", lambda d: child(d).on_threshold_reached, "KEEP"),
    (f"{JUDGE}/prompt", "Is it\n  so?", lambda d: task(d, 3).title, "Is it so?"),
    (f"{JUDGE}/title", "Judge", lambda d: task(d, 3).title, "Judge"),
    (f"{JUDGE}/titleExpression", ".t", lambda d: task(d, 3).title_expression, ".t"),
    (f"{JUDGE}/promptExpression", ".p", lambda d: task(d, 3).title_expression, ".p"),
    (f"{JUDGE}/human", {"candidateGroups": ["g"], "candidateUsers": ["u"],
                        "claimDeadlineHours": 4},
     lambda d: (task(d, 3).candidate_groups, task(d, 3).candidate_users,
                task(d, 3).claim_deadline_hours), (("g",), ("u",), 4.0)),
    (f"{JUDGE}/caller", "human", lambda d: task(d, 3).title, "Is it so?"),
    (f"{JUDGE}/callerConfig", {"type": "HUMAN"}, lambda d: task(d, 3).title, "Is it so?"),
    (f"{JUDGE}/outcomes", ["YES", "NO"], lambda d: task(d, 3).outcomes, ("YES", "NO")),
    (f"{JUDGE}/expiresIn", "PT1H", lambda d: task(d, 3).expires_in, timedelta(hours=1)),
    (f"{JUDGE}/expiresInExpression", ".i", lambda d: task(d, 3).expires_in_expression, ".i"),
    (f"{JUDGE}/expiresAtExpression", ".x", lambda d: task(d, 3).expires_at_expression, ".x"),
    (f"{JUDGE}/priority", "LOW", lambda d: task(d, 3).priority, "LOW"),
    (f"{JUDGE}/inputMapping", "{i}", lambda d: task(d, 3).input_mapping, "{i}"),
    (f"{JUDGE}/outputMapping", "{o: .}", lambda d: task(d, 3).output_mapping, "{o: .}"),
]  # fmt: skip
INSTEAD = {
    f"{CALL}/outcomePolicy": "", f"{JUDGE}/title": "prompt", f"{JUDGE}/titleExpression": "prompt",
    f"{JUDGE}/promptExpression": "prompt", f"{TASK}/titleExpression": "title",
    f"{TASK}/templateRef": "title",
}  # fmt: skip


@pytest.mark.parametrize(
    ("pointer", "value", "seen", "expected"), READ, ids=[f"{row[0]} {row[1]}"[:60] for row in READ]
)
def test_a_field_that_is_read_means_something(
    pointer: str, value: Any, seen: Any, expected: Any
) -> None:
    found = read(pointer, value, INSTEAD.get(pointer, ""))
    assert seen(found) == expected
    # What is stored says the same.
    stored = CompiledDefinition.from_json(found.to_json())
    assert stored.bindings == found.bindings
    assert stored.milestones == found.milestones


@pytest.mark.parametrize("word", ["condition", "when", "completionCriteria"])
def test_a_milestone_says_its_condition_in_one_of_three_words(word: str) -> None:
    said = {
        "name": "m", word: ".m", "entryCriteria": ".e", "slaDuration": "PT2H",
        "slaStartFrom": "CASE_CREATED",
        "sla": {"duration": "PT1H", "breachPolicy": {"escalateTo": ["x"]}},
    }  # fmt: skip
    found = compile_definition(having("/spec/milestones", [said]), capabilities=None)
    assert found.milestones == (
        Milestone(
            name="m", condition=".m", entry=".e", sla_duration=timedelta(hours=2),
            sla_start_from="CASE_CREATED",
            sla=Sla(duration=timedelta(hours=1), breach_policy={"escalateTo": ["x"]}),
        ),
    )  # fmt: skip
    assert [(each.pointer, each.message) for each in found.warnings][:1] == [
        ("/spec/milestones/0/sla/breachPolicy",
         "no breachPolicy but FAULT and NOTIFY is known: where 'm' is late operators are told"),
    ]  # fmt: skip
    (milestone,) = found.milestones
    assert (milestone.allowed, milestone.counts_from_activation) == (timedelta(hours=1), False)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"sla": {"duration": "PT1H", "breachPolicy": "FAULT"}}, None),
        ({"slaDuration": "PT1H", "slaStartFrom": "MILESTONE_ACTIVATED"}, None),
        ({"sla": {"duration": "PT1H", "breachPolicy": "ESCALATE"}},
         ("not_executed", "/sla/breachPolicy")),
        ({"sla": {"duration": "PT1H", "startFrom": "LATER"}}, ("not_executed", "/sla/startFrom")),
        ({"slaDuration": "PT1H", "slaStartFrom": "LATER"}, ("not_executed", "/slaStartFrom")),
        ({"sla": {"breachPolicy": "FAULT"}}, ("idle", "/sla")),
        ({"slaStartFrom": "CASE_CREATED"}, ("idle", "/slaStartFrom")),
    ],
)  # fmt: skip
def test_what_of_the_time_of_a_milestone_is_not_followed(
    more: dict[str, Any], said: tuple[str, str] | None
) -> None:
    source = having("/spec/milestones", [{"name": "m", "when": ".m", **more}])
    found = compile_definition(source, capabilities=None).warnings
    own = [each for each in found if each.pointer.startswith("/spec/milestones")]
    wanted = [] if said is None else [(said[0], f"/spec/milestones/0{said[1]}")]
    assert [(each.code, each.pointer) for each in own] == wanted


def test_a_goal_counts_as_success_unless_it_says_otherwise() -> None:
    goals = [{"name": "done", "when": ".x"}, {"name": "bad", "kind": "failure", "condition": ".y"}]
    found = read("/spec/goals", goals)
    assert [(goal.name, goal.kind, goal.condition) for goal in found.goals] == [
        ("done", "success", ".x"), ("bad", "failure", ".y"),
    ]  # fmt: skip


def test_compensated_by_is_compensate_in_newer_words() -> None:
    source = having(f"{CALL}/compensatedBy", "undo", without="compensation")
    source["spec"]["bindings"][1]["compensationOrder"] = 0
    source["spec"]["bindings"].append(
        {"name": "undo", "compensation": True, "humanTask": {"title": "U"}}
    )
    found = compile_definition(source, capabilities=None)
    call = found.bindings[1]
    assert (call.compensate, call.compensation_order) == ("undo", 0)
    assert [each.pointer for each in found.warnings if each.code == "not_executed"] == []
    assert found.to_json()["bindings"][1]["compensation_order"] == 0
    source["spec"]["bindings"][1]["compensatedBy"] = "nobody"
    assert refused(source) == [
        (f"{CALL}/compensatedBy", "compensatedBy names 'nobody', but there is no such binding")
    ]
