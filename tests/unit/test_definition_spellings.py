"""Other forms of what a definition says: each is read as the form that is documented, and where it
means less or something else that is told."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any

import pytest

from cases.definitions import (
    CompiledDefinition,
    DefinitionInvalid,
    SubCase,
    compile_definition,
)
from tests.defined_fields import BASE, CALL, CHILD, JUDGE, TASK, called, child, having, task

GOALS = "/spec/goals"
DONE = {"name": "done", "condition": ".done"}


def compiled(source: dict[str, Any]) -> tuple[CompiledDefinition, list[tuple[str, str, str]]]:
    """Return a definition compiled, and what is said of it that is not said without its change."""
    plain = compile_definition(BASE, capabilities=None).warnings
    found = compile_definition(source, capabilities=None)
    known = {(each.code, each.pointer, each.message) for each in plain}
    said = [(each.code, each.pointer, each.message) for each in found.warnings]
    return found, [each for each in said if each not in known and each[0] != "repeats"]


#: Where it stands, another form, and the one that it is read as. Nothing is said of it.
SAME: list[tuple[str, Any, Any]] = [
    (f"{CALL}/on", "contextChange", {"contextChange": {}}),
    (f"{CALL}/on", {"contextChange": None}, {"contextChange": {}}),
    (f"{CALL}/on", {"signal": "go"}, {"signal": {"name": "go"}}),
    (f"{CALL}/on", {"cloudEvent": "t"}, {"cloudEvent": {"type": "t"}}),
    (f"{CALL}/on", {"event": {"type": "t"}}, {"cloudEvent": {"type": "t"}}),
    (f"{CALL}/on", {"schedule": "0 8 * * *"}, {"schedule": {"cron": "0 8 * * *"}}),
    (f"{CALL}/on", {"schedule": {"every": "P1W"}}, {"schedule": {"every": "P7D"}}),
    (f"{CALL}/on", {"schedule": {"every": "6h"}}, {"schedule": {"every": "PT6H"}}),
    (f"{CALL}/on", {"schedule": "0 0/5 * * * ?"}, {"schedule": {"cron": "0/5 * * * *"}}),
    (f"{CALL}/on", {"schedule": "0 30 8 ? * 2-6 *"}, {"schedule": {"cron": "30 8 * * 1-5"}}),
    (f"{CALL}/on", {"schedule": "0 0 9 ? * 6#3"}, {"schedule": {"cron": "0 9 * * 5#3"}}),
    (f"{CALL}/on", {"schedule": "0 0 9 * * 1"}, {"schedule": {"cron": "0 9 * * 1"}}),
    (f"{CALL}/when", True, "true"),
    (f"{CALL}/capability", {"name": "act"}, "act"),
    ("/spec/capabilities", ["act"], [{"name": "act"}]),
    (CHILD, "far/other", {"namespace": "far", "name": "other"}),
    (CHILD, "other", {"name": "other"}),
    (f"{GOALS}/0/kind", "SUCCESS", "success"),
    ("/spec/milestones/0/sla", "PT1H", {"duration": "PT1H"}),
    (f"{TASK}/candidateGroups", "surveyors", ["surveyors"]),
    (f"{TASK}/candidateUsers", "ana.silva", ["ana.silva"]),
    (f"{TASK}/candidateGroups", "risk desk, surveyors,", ["risk desk", "surveyors"]),
    (f"{TASK}/candidateUsers", "ana.silva,ben,ben", ["ana.silva", "ben"]),
    (f"{TASK}/candidateGroups", ".who", None),
    (f"{TASK}/candidateGroups", ".who, .others", None),
    (f"{TASK}/candidateGroups", 'if .big then ["a", "b"] else ["a"] end', None),
    (f"{TASK}/candidateUsers", {"jq": "[.a, .b]"}, None),
    (f"{TASK}/expiresIn", "P2W", "P14D"),
    (f"{TASK}/outcomes", [{"name": "A", "displayName": "Yes"}], [{"name": "A", "label": "Yes"}]),
    (f"{TASK}/inputMapping", {"a": ".b", "c-d": ".e"}, '{a: (.b), "c-d": (.e)}'),
    (f"{TASK}/outputMapping", {"a": ".b # why", "n": 1, "is": True, "no": None, "in": {"c": ".d"}},
     "{a: (.b # why\n), n: 1, is: true, no: null, in: {c: (.d)}}"),
    (f"{TASK}/expiresIn", "24h", "PT24H"),
    (f"{TASK}/expiresIn", "3d", "P3D"),
    (f"{TASK}/claimDeadlineHours", "1.5", 1.5),
    (f"{TASK}/title", "One\nline", "One line"),
    ("/spec/completion", {"success": "done"}, {"success": {"allOf": ["done"]}}),
    ("/spec/completion", {"success": ["done"]}, {"success": {"allOf": ["done"]}}),
    ("/spec/completion", {"success": {"allOf": ["done"]}, "failure": {"anyOf": []}},
     {"success": {"allOf": ["done"]}}),
    ("/spec/completion", {"success": {"allOf": ["done"]}, "failure": {}},
     {"success": {"allOf": ["done"]}}),
    ("/spec/completion", {}, None),
    (f"{JUDGE}/candidateGroups", ["g"], None),
    (f"{JUDGE}/caller", {"type": "human"}, None),
]  # fmt: skip


@pytest.mark.parametrize(
    ("pointer", "value", "plain"), SAME, ids=[f"{row[0]} {row[1]}"[:80] for row in SAME]
)
def test_a_form_that_means_the_same_is_read_as_it(pointer: str, value: Any, plain: Any) -> None:
    found = compile_definition(having(pointer, value), capabilities=None)
    if plain is not None:
        same = compile_definition(having(pointer, plain), capabilities=None)
        assert found.to_json() == same.to_json()
        assert [each[:3] for each in found.warnings] == [each[:3] for each in same.warnings]


def test_candidates_may_be_an_expression_wherever_they_stand() -> None:
    for pointer, number in ((TASK, 0), (JUDGE, 3), (f"{JUDGE}/human", 3)):
        found, said = compiled(having(f"{pointer}/candidateGroups", ".who"))
        assert task(found, number).candidate_groups_expression == ".who"
        assert (task(found, number).candidate_groups, said) == ((), [])
    found, said = compiled(having(f"{JUDGE}/candidateGroups", ["g"]))
    assert (task(found, 3).candidate_groups, said) == (("g",), [])


#: Where it stands, what is written, the code of the warning, and how it begins.
TOLD: list[tuple[str, Any, str, str]] = [
    ("/dsl", "0.2", "dialect", "dsl 0.2 is read as 0.1"),
    ("/dsl", "1.1.0", "dialect", "dsl 1.1.0 is read as 0.1"),
    ("/spec/milestones", [{"name": "m"}], "ignored", "it has no condition: it is never reached"),
    ("/spec/authorization/read", ["x"], "ignored", "read is ignored: every member reads"),
    ("/spec/authorization/claim", ["x"], "ignored", "claim is ignored: who may do a task"),
    ("/spec/authorization", {"write": ["x"], "admin": ["y"]}, "not_executed",
     "admin is read as write is: its groups may open cases"),
    (f"{TASK}/expiresIn", "PT90S", "rounded", "expiresIn PT90S is read as PT2M"),
    (f"{TASK}/expiresIn", "P1DT1H0.5S", "rounded", "expiresIn P1DT1H0.5S is read as P1DT1H1M"),
    (f"{TASK}/outcomes", [{"name": "A", "condition": "x > 1"}], "ignored", "condition is ignored"),
    *(
        (f"{CALL}/on", {word: {}}, "not_executed", f"{word} is not heard yet: its step never")
        for word in ("scopeActivated",)
    ),
    (f"{CALL}/on", {"scopeActivated": {"every": "PT1H"}, "contextChange": {}}, "not_executed",
     "scopeActivated is not heard yet: only its contextChange starts it"),
    (f"{CALL}/on", {"schedule": {"every": "PT90S"}}, "rounded", "every PT90S is read as PT2M"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("pointer", "value", "code", "begins"), TOLD, ids=[f"{row[0]} {row[1]}"[:60] for row in TOLD]
)
def test_a_form_that_means_less_is_told(pointer: str, value: Any, code: str, begins: str) -> None:
    _found, said = compiled(having(pointer, value))
    told = [each for each in said if each[0] == code]
    assert len(told) == 1
    assert told[0][1].startswith(pointer)
    assert told[0][2].startswith(begins), told


def test_a_step_that_nobody_starts_has_a_condition_that_never_holds() -> None:
    found, _said = compiled(having(f"{CALL}/on", {"scopeActivated": {}}))
    assert (found.bindings[1].filter, found.bindings[1].when) == ("false", ".b == null")
    assert called(found).capability == "act"


def test_durations_are_rounded_up_to_what_is_kept() -> None:
    found, _said = compiled(having(f"{TASK}/expiresIn", "PT30S"))
    assert task(found).expires_in == timedelta(minutes=1)
    assert isinstance(child(found), SubCase)


def test_seconds_of_a_cron_expression_are_rounded_and_told() -> None:
    at = f"{CALL}/on"
    found, said = compiled(having(at, {"schedule": {"cron": "*/20 * 8 * * MON-FRI"}}))
    trigger = found.bindings[1].on_schedule
    assert trigger is not None
    assert trigger.cron == "* 8 * * MON-FRI"
    assert ("rounded", f"{at}/schedule/cron") in [each[:2] for each in said]


@pytest.mark.parametrize("cron", ["0 12 * * ? *", "0 10 1 * ? *", "0 ? 8 * * MON"])
def test_a_cron_of_another_kind_is_not_taken_for_one_with_seconds(cron: str) -> None:
    """A year is its sixth field, and its first are minutes."""
    with pytest.raises(DefinitionInvalid) as refused:
        compile_definition(having(f"{CALL}/on", {"schedule": {"cron": cron}}), capabilities=None)
    assert "must have five fields" in str(refused.value)


def test_an_empty_rule_for_success_leaves_the_goals_of_no_other_rule() -> None:
    source = copy.deepcopy(BASE)
    source["spec"]["goals"] = [DONE, {"name": "bad", "condition": ".bad"}]
    source["spec"]["completion"] = {"success": {}, "failure": {"anyOf": ["bad"]}}
    written = copy.deepcopy(source)
    written["spec"]["completion"]["success"] = {"allOf": ["done"]}
    found, meant = (compile_definition(each, capabilities=None) for each in (source, written))
    assert found.to_json() == meant.to_json()


def test_bindings_beside_a_spec_that_has_none_are_its_bindings() -> None:
    plain = compile_definition(BASE, capabilities=None)
    source = copy.deepcopy(BASE)
    source["bindings"] = source["spec"].pop("bindings")
    found = compile_definition(source, capabilities=None)
    assert found.to_json() == plain.to_json()
    text = (
        "dsl: '1.0.0'\nnamespace: n\nname: d\nversion: '1.0'\nspec: {}\nbindings:\n"
        "  - {name: a, on: {contextChange: {}}, when: '((', humanTask: {title: T}}\n"
    )
    with pytest.raises(DefinitionInvalid) as refused:
        compile_definition(text, capabilities=None)
    assert [(each.line, each.pointer) for each in refused.value.errors] == [
        (7, "/spec/bindings/0/when")
    ]


@pytest.mark.parametrize("name", [{"a": 1}, ["a"], None])
def test_a_goal_whose_name_is_no_text_is_refused_beside_one_that_is_added(name: Any) -> None:
    source = having(GOALS, [DONE, {"name": name, "condition": ".x"}])
    source["spec"]["completion"] = {"success": {"allOf": ["done"]}, "doneWhen": ".over"}
    with pytest.raises(DefinitionInvalid) as refused:
        compile_definition(source, capabilities=None)
    assert f"{GOALS}/1" in refused.value.errors[0].pointer


def test_goals_of_other_kinds_alone_end_nothing() -> None:
    odd = {"name": "odd", "kind": "custom", "condition": ".x"}
    found, said = compiled(having(GOALS, [odd]))
    assert found.completion == ()
    assert ("unknown_value", f"{GOALS}/0/kind") in [each[:2] for each in said]


def test_a_goal_of_another_kind_counts_only_where_completion_names_it() -> None:
    source = having(GOALS, [DONE, {"name": "odd", "kind": "custom", "condition": ".x"}])
    found, said = compiled(source)
    assert [(kind, rule.members) for kind, rule in found.completion] == [("success", ("done",))]
    assert ("unknown_value", f"{GOALS}/1/kind") in [each[:2] for each in said]
    source["spec"]["completion"] = {"failure": {"anyOf": ["odd"]}}
    found, _said = compiled(source)
    assert [(kind, rule.members) for kind, rule in found.completion] == [("failure", ("odd",))]


def test_an_own_ending_is_a_good_or_a_bad_one() -> None:
    source = copy.deepcopy(BASE)
    source["spec"]["goals"] = [DONE, *({"name": each, "condition": ".x"} for each in "abc")]
    source["spec"]["completion"] = {
        "success": {"allOf": ["done"]},
        "partly": {"anyOf": ["a"], "status": "COMPLETED"},
        "withdrawn": {"anyOf": ["b"], "status": "CANCELLED"},
        "doneWhen": ".over",
    }
    found, said = compiled(source)
    assert [goal.name for goal in found.goals] == ["done", "a", "b", "c", "doneWhen"]
    rules = {kind: rule.model_dump() for kind, rule in found.completion}
    assert set(rules) == {"success", "failure"}
    assert rules["failure"] == {"operator": "any", "members": ("b",)}
    told = [(each[0], each[1].rpartition("/")[2]) for each in said if "completion" in each[1]]
    assert told == [
        ("dialect", "doneWhen"), ("unknown_value", "partly"), ("unknown_value", "withdrawn"),
    ]  # fmt: skip


def test_a_status_that_an_ending_does_not_have_is_told() -> None:
    source = copy.deepcopy(BASE)
    source["spec"]["goals"] = [DONE, {"name": "bad", "condition": ".x"}]
    source["spec"]["completion"] = {
        "success": {"allOf": ["done"], "status": "FAULTED"},
        "failure": {"anyOf": ["bad"], "status": "FAULTED"},
        "doneWhen": ".over",
    }
    found, said = compiled(source)
    assert [each[:2] for each in said if each[1].endswith("status")] == [
        ("unknown_value", "/spec/completion/success/status")
    ]
    assert [kind for kind, _ in found.completion] == ["success", "failure"]


def test_what_is_no_rule_is_no_ending() -> None:
    source = having("/spec/completion", {"success": {"allOf": ["done"]}, "sucess": ["done"]})
    with pytest.raises(ValueError, match="unknown field 'sucess'"):
        compile_definition(source, capabilities=None)


def test_who_is_named_as_admin_opens_cases_as_who_may_write() -> None:
    found, said = compiled(having("/spec/authorization", {"write": ["x"], "admin": ["y"]}))
    assert found.may_open == ("x", "y")
    assert [each[1] for each in said] == ["/spec/authorization/admin"]
    _found, said = compiled(having("/spec/authorization", {"write": ["x"], "admin": []}))
    assert said == []
