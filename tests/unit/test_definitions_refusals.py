"""Definitions that are refused: every rule with its line, all of them at once."""

from __future__ import annotations

from typing import Any

import pytest

from cases.definitions import DefinitionInvalid, compile_definition

HEAD = """\
dsl: "0.1"
namespace: examples
name: onboarding
version: "1.0.0"
spec:
"""


def _errors(source: str | dict[str, Any]) -> list[tuple[int | None, str, str]]:
    with pytest.raises(DefinitionInvalid) as refusal:
        compile_definition(source, capabilities=None)
    return [(e.line, e.pointer, e.message) for e in refusal.value.errors]


def _with_binding(*lines: str) -> str:
    """A definition whose only binding starts on line 7 and lacks nothing but what is given."""
    return HEAD + "  bindings:\n    - name: one\n" + "".join(f"      {line}\n" for line in lines)


TASK = "humanTask: {title: T}"
ON = "on: {contextChange: {filter: .a}}"
AS = "such as {result: .}"
TARGETS = "capability, humanTask, judgment, subCase, signal or throw"


def test_what_would_nest_steps_is_refused_by_name() -> None:
    source = _with_binding(ON, TASK) + "  stages: []\nbindings: []\n"

    assert _errors(source) == [
        (10, "/spec/stages", "stages is not supported yet"),
        (11, "/bindings", "bindings belongs into spec"),
    ]


@pytest.mark.parametrize(
    ("lines", "line", "pointer", "message"),
    [
        ((TASK,), 7, "", "on is required, such as on: {contextChange: {}}"),
        ((ON,), 7, "", f"a target is required: {TARGETS}"),
        ((ON, "worker: x"), 9, "/worker",
         "worker is not supported: a binding calls a capability, by its name"),
        ((ON, TASK, "when: '.a =='"), 10, "/when",
         ("not a usable jq expression: syntax error, unexpected end of file at <top-level>, "
          "line 1, column 4")),
        ((ON, TASK, "when: env"), 10, "/when",
         "not a usable jq expression: env may not be used"),
        ((ON, TASK, "when: {mvel: a}"), 10, "/when/mvel",
         "expressions in 'mvel': only jq is read"),
        ((ON, TASK, "when: 1"), 10, "/when", "when must be a jq expression written as text"),
        ((ON, TASK, "when:", "  jq: env"), 11, "/when/jq",
         "not a usable jq expression: env may not be used"),
        (("on: {}", TASK), 8, "/on",
         "on needs one of contextChange, signal, cloudEvent or schedule"),
        ((ON, "humanTask: null"), 7, "", f"a target is required: {TARGETS}"),
        ((ON, "humanTask: {title: null}"), 9, "/humanTask/title", "title is required"),
        ((ON, TASK, "compensation: null"), 10, "/compensation",
         "compensation must be true or a map of policy fields"),
        ((ON, TASK, "compensation: {self_undo: 1}"), 10, "/compensation/self_undo",
         "must be true or false"),
        ((ON, "humanTask: {title: T, outcomes: [1]}"), 9, "/humanTask/outcomes/0",
         "outcomes must be text"),
        ((ON, TASK, "outputMapping: ."), 10, "/outputMapping",
         "outputMapping of a humanTask stands inside it"),
        ((ON, TASK, "compensate: two"), 10, "/compensate",
         "compensate names 'two', but there is no such binding"),
        ((ON, TASK, "compensate: one"), 10, "/compensate", "a binding cannot compensate itself"),
        ((ON, TASK, "compensation: false"), 10, "/compensation",
         "compensation must be true or a map of policy fields"),
        ((ON, TASK, "compensation: {approval: three}"), 10, "/compensation/approval",
         "must be one of none, one, two, or a list of steps"),
        ((ON, TASK, "compensation: {approval: [{}]}"), 10, "/compensation/approval/0",
         "must name users or groups"),
        *(
            ((ON, f"humanTask: {{title: T, outputMapping: {said}}}"), 9,
             "/humanTask/outputMapping", f"outputMapping must give a map, {AS}, and gives {kind}")
            for said, kind in (
                ("'\"done\"'", "a text"), ("'5'", "a number"), ("'true'", "true or false"),
                ("false", "true or false"),
                ("'[.a, {b: .c}]'", "a list"),
            )
        ),
        ((ON, "subCase: {name: c, inputMapping: '[.]'}"), 9, "/subCase/inputMapping",
         f"inputMapping must give a map, {AS}, and gives a list"),
        ((ON, "capability: c", "inputMapping: {jq: '1'}"), 10, "/inputMapping/jq",
         f"inputMapping must give a map, {AS}, and gives a number"),
        ((ON, TASK, "reversibility: unspecified"), 10, "/reversibility",
         "must be one of compensable, retriable, pivot, irreversible, not_needed"),
        ((TASK, "compensation: true", "reversibility: pivot"), 10, "/reversibility",
         "reversibility belongs to the step that is undone, not to its undo"),
        ((ON, "humanTask: {title: T, expiresIn: P1M}"), 9, "/humanTask/expiresIn",
         "expiresIn: the duration 'P1M' uses months; write it in days (minutes come after a T)"),
        ((ON, "humanTask: {title: T, priority: 3}"), 9, "/humanTask/priority",
         "priority must be one of LOW, MEDIUM, HIGH, URGENT"),
        ((ON, "humanTask: {}"), 9, "/humanTask", "title is required"),
        ((ON, "humanTask: {titleExpression: '.a =='}"), 9, "/humanTask/titleExpression",
         ("not a usable jq expression: syntax error, unexpected end of file at <top-level>, "
          "line 1, column 4")),
        ((ON, "humanTask: {title: T, outcomes: [A, A]}"), 9, "/humanTask/outcomes/1",
         "outcomes holds 'A' twice"),
        ((ON, "humanTask: {title: T, candidateGroups: 3}"), 9, "/humanTask/candidateGroups",
         "candidateGroups must be a list"),
        ((ON, "humanTask: {title: T, resolutionSchema: {type: 3}}"), 9,
         "/humanTask/resolutionSchema/type",
         ("not a valid JSON Schema: 3 is not valid under any of the schemas listed in the 'anyOf'"
          " keyword")),
        ((ON, "humanTask: {title: T, resolutionSchema: {$ref: 'http://x'}}"), 9,
         "/humanTask/resolutionSchema/$ref",
         "the reference 'http://x' leaves the schema; only # is allowed"),
        (("compensation: true", "humanTask: {title: T, outcomes: [CANNOT_REVERSE]}"), 9,
         "/humanTask/outcomes", "an undo task must permit REVERSED or CORRECTED"),
    ],
    ids=lambda value: value[-1][:40] if isinstance(value, tuple) else None,
)  # fmt: skip
def test_a_wrong_binding_is_refused_with_its_line(
    lines: tuple[str, ...], line: int, pointer: str, message: str
) -> None:
    assert _errors(_with_binding(*lines)) == [(line, f"/spec/bindings/0{pointer}", message)]


def _groups(*targets: str) -> str:
    steps = (
        f"    - name: s{number}\n      {ON}\n      subCase: {{name: low, groupId: g{target}}}\n"
        for number, target in enumerate(targets)
    )
    return HEAD + "  bindings:\n" + "".join(steps)


@pytest.mark.parametrize(
    ("targets", "line", "number", "said"),
    [
        ((", requiredCount: 2",), 9, 0, "2 of 1"),
        (("", ", requiredCount: 3"), 12, 1, "3 of 2"),
        # The first of its steps that says so counts.
        ((", totalInGroup: 1, requiredCount: 2", ", totalInGroup: 3, requiredCount: 1"), 9, 0,
         "2 of 1"),
        ((", totalInGroup: 2", "", ", requiredCount: 3"), 15, 2, "3 of 2"),
    ],
)  # fmt: skip
def test_a_group_that_can_never_be_met_is_refused_where_it_asks_for_too_much(
    targets: tuple[str, ...], line: int, number: int, said: str
) -> None:
    at = f"/spec/bindings/{number}/subCase/requiredCount"
    source = _groups(*targets)
    assert _errors(source) == [(line, at, f"group 'g' asks for {said}: it can never be met")]
    with pytest.raises(DefinitionInvalid) as refusal:
        compile_definition(source, capabilities=None)
    word = "requiredCount: "
    value = source.splitlines()[line - 1].index(word) + len(word) + 1
    assert [each.column for each in refusal.value.errors] == [value]


@pytest.mark.parametrize(
    "targets",
    [
        ("", ""),
        (", requiredCount: 2", ", requiredCount: 9"),
        # Each of its steps may fire as often as it takes.
        (", totalInGroup: 9, requiredCount: 9",),
        (", totalInGroup: 2, requiredCount: 2", ", totalInGroup: 1"),
    ],
)
def test_a_group_that_can_be_met_is_taken(targets: tuple[str, ...]) -> None:
    assert compile_definition(_groups(*targets), capabilities=None).name == "onboarding"


def test_an_unknown_field_is_refused_with_the_known_ones() -> None:
    ((line, pointer, message),) = _errors(_with_binding(ON, TASK, "wen: .a"))

    assert (line, pointer) == (10, "/spec/bindings/0/wen")
    assert message.startswith("unknown field 'wen'; known are capability, compensate, ")


def test_one_field_has_one_of_its_names() -> None:
    source = _with_binding(ON, TASK) + (
        "  capabilities:\n    - name: x\n      inputProjection: .a\n      inputSchema: .b\n"
    )

    assert _errors(source) == [
        (13, "/spec/capabilities/0/inputSchema",
         "inputSchema repeats another name of the same field; use one")
    ]  # fmt: skip


def test_one_target_only() -> None:
    source = _with_binding(ON, TASK, "capability: x") + "  capabilities: [{name: x}]\n"

    assert _errors(source) == [
        (9, "/spec/bindings/0/humanTask", f"only one target is allowed: {TARGETS}")
    ]


def test_the_target_of_compensate_decides_who_and_how() -> None:
    source = (
        _with_binding(
            ON,
            TASK,
            "compensate: two",
            "compensation:",
            "  strategy: correct",
            "  mode: human",
            "  capability: x",
            "  performer: groups",
            "  candidate_groups: [a]",
        )
        + "    - {name: two, compensation: true, humanTask: {title: U}}\n"
    )

    found = _errors(source)

    decided = "may not stand beside compensate: its target decides it"
    assert [(line, message) for line, _, message in found if "beside" in message] == [
        (13, f"mode {decided}"),
        (14, f"capability {decided}"),
        (15, f"performer {decided}"),
        (16, f"candidate_groups {decided}"),
    ]


def test_compensate_names_a_binding_that_only_undoes() -> None:
    source = _with_binding(ON, TASK, "compensate: two") + (
        "    - {name: two, on: {contextChange: {filter: .b}}, humanTask: {title: U}}\n"
    )

    assert _errors(source) == [
        (10, "/spec/bindings/0/compensate",
         "compensate names 'two', which lacks compensation: true")
    ]  # fmt: skip


def test_compensate_forms_no_cycle() -> None:
    source = _with_binding("compensation: true", TASK, "compensate: two") + (
        "    - {name: two, compensation: true, humanTask: {title: U}, compensate: one}\n"
    )

    assert _errors(source) == [
        (10, "/spec/bindings/0/compensate", "compensate forms a cycle: one → two → one"),
        (11, "/spec/bindings/1/compensate", "compensate forms a cycle: two → one → two"),
    ]


def test_goals_and_completion_are_checked() -> None:
    source = _with_binding(ON, TASK) + (
        "  goals:\n"
        "    - {name: g, kind: failure, condition: .a}\n"
        "    - {name: g, kind: success}\n"
        "  completion:\n"
        "    success: {allOf: [g, h]}\n"
        "    failure: {anyOf: [{allOf: []}]}\n"
    )

    assert _errors(source) == [
        (12, "/spec/goals/1", "condition is required"),
        (12, "/spec/goals/1/name", "the goal 'g' is declared twice"),
        (14, "/spec/completion/success/allOf/1", "there is no goal 'h'"),
        (15, "/spec/completion/failure/anyOf/0", "allOf must name at least one goal"),
    ]


def test_each_rule_of_completion_is_checked_where_it_stands() -> None:
    source = _with_binding(ON, TASK) + (
        "  completion:\n"
        "    success:\n"
        "      allOf:\n"
        "        - {someOf: [a]}\n"
        "        - {allOf: [], anyOf: []}\n"
        "        - 3\n"
        "        - {anyOf: a}\n"
    )

    assert _errors(source) == [
        (13, "/spec/completion/success/allOf/0/someOf",
         "unknown field 'someOf'; known are allOf, anyOf"),
        (14, "/spec/completion/success/allOf/1", "exactly one of allOf and anyOf is required"),
        (15, "/spec/completion/success/allOf/2", "there is no goal 3"),
        (16, "/spec/completion/success/allOf/3/anyOf", "anyOf must be a list"),
    ]  # fmt: skip


def test_the_head_is_checked() -> None:
    source = "dsl: 2.0\nnamespace: a b\nname: x\nversion: 1.0.x\nspec: {bindings: []}\nsumary: 1\n"

    assert [(line, pointer) for line, pointer, _ in _errors(source)] == [
        (1, "/dsl"),
        (2, "/namespace"),
        (4, "/version"),
        (5, "/spec"),
        (6, "/sumary"),
    ]


def test_all_errors_come_at_once_by_line_repeated_keys_included() -> None:
    source = _with_binding(ON, TASK, "when: '('", "name: again", "compensate: nobody")

    assert [line for line, _, _ in _errors(source)] == [10, 11, 12]
