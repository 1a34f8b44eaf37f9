"""What a definition says about a context, and the loan example played through by its rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cases.definitions import (
    CapabilityCall,
    CompiledDefinition,
    ExpressionFailed,
    HumanTask,
    compile_definition,
    context_after,
    input_for,
    outlook,
    undo_policy,
)
from compensation.policy import CompensationPolicy

LOAN = Path(__file__).parents[2] / "examples" / "loan-approval.yaml"


@pytest.fixture(scope="module")
def loan() -> CompiledDefinition:
    return compile_definition(
        LOAN.read_text(), capabilities=["demo.transfer", "demo.reverse-transfer"]
    )


def _opening() -> dict[str, Any]:
    return {
        "applicant": "R. Vega",
        "amount": 25000,
        "bank_account": "bank",
        "customer_account": "customer",
    }


def _fired(definition: CompiledDefinition, context: dict[str, Any], *busy: str) -> list[str]:
    waiting = [each for each in definition.forward_bindings if each.name not in busy]
    readiness = outlook(definition, context, waiting=waiting).ready
    assert readiness.failed == ()
    return [binding.name for binding in readiness.fire]


def _ended(definition: CompiledDefinition, context: dict[str, Any]) -> str | None:
    return outlook(definition, context, waiting=()).ended


def _play(
    definition: CompiledDefinition, context: dict[str, Any], outcomes: dict[str, str]
) -> tuple[list[str], dict[str, Any], str | None]:
    """Finish whatever fires until the case ends; return order, context and how it ended."""
    order: list[str] = []
    while (ended := _ended(definition, context)) is None:
        (name,) = _fired(definition, context)
        assert _fired(definition, context, name) == []
        order.append(name)
        target = definition.binding(name).target
        result: dict[str, Any]
        if isinstance(target, HumanTask):
            assert outcomes[name] in target.outcomes
            result = {"outcome": outcomes[name], "resolution": None, "completed_by": "someone"}
        else:
            result = {"from_balance": 75000, "to_balance": 25000}
        context = context_after(context, result, mapping=target.output_mapping).after
    return order, context, ended


def test_the_loan_has_no_errors_and_no_warnings(loan: CompiledDefinition) -> None:
    assert loan.key == "examples/loan-approval"
    assert loan.warnings == ()


def test_a_good_loan_runs_through_four_steps(loan: CompiledDefinition) -> None:
    order, context, ended = _play(
        loan,
        _opening(),
        {"credit-check": "PASSED", "valuation": "VALUED", "approval": "APPROVED"},
    )

    assert order == ["credit-check", "valuation", "approval", "disbursement"]
    assert ended == "success"
    assert context["disbursement"] == {"from_balance": 75000, "to_balance": 25000}
    assert context["approval"]["outcome"] == "APPROVED"
    # What is done does not start again, not even where an undo leaves its mark.
    assert _fired(loan, context) == []
    assert _fired(loan, {**context, "approval_withdrawn": {"outcome": "REVERSED"}}) == []


@pytest.mark.parametrize(
    ("outcomes", "order"),
    [
        ({"credit-check": "FAILED"}, ["credit-check"]),
        ({"credit-check": "PASSED", "valuation": "REJECTED"}, ["credit-check", "valuation"]),
        (
            {"credit-check": "PASSED", "valuation": "VALUED", "approval": "DECLINED"},
            ["credit-check", "valuation", "approval"],
        ),
    ],
    ids=["no credit", "no value", "declined"],
)
def test_a_bad_loan_ends_in_failure_without_payment(
    loan: CompiledDefinition, outcomes: dict[str, str], order: list[str]
) -> None:
    played, context, ended = _play(loan, _opening(), outcomes)

    assert (played, ended) == (order, "failure")
    assert "disbursement" not in context


def test_the_payment_gets_what_the_capability_needs(loan: CompiledDefinition) -> None:
    target = loan.binding("disbursement").target

    assert input_for(target, _opening()) == {"from": "bank", "to": "customer", "amount": 25000}


def test_each_step_of_the_loan_can_be_undone(loan: CompiledDefinition) -> None:
    declared = {b.name: undo_policy(loan, b) for b in loan.forward_bindings}

    groups = {
        "credit-check": ("compliance",),
        "valuation": ("surveyors",),
        "approval": ("underwriters",),
    }
    for name, expected in groups.items():
        policy = declared[name]
        assert policy is not None
        assert (policy.mode, policy.performer, policy.candidate_groups) == (
            "human",
            "groups",
            expected,
        )
    payment = declared["disbursement"]
    assert payment is not None
    assert (payment.mode, payment.capability, payment.fallback) == (
        "automated",
        "demo.reverse-transfer",
        "human",
    )


def test_the_undo_of_the_payment_gets_the_original_input(loan: CompiledDefinition) -> None:
    target = loan.binding("pay-back").target
    moved = {"from": "bank", "to": "customer", "amount": 25000}
    given = {"original": {"input": moved}, "context": _opening(), "reason": "Forged."}

    assert isinstance(target, CapabilityCall)
    assert target.capability == "demo.reverse-transfer"
    assert input_for(target, given) == moved


def test_the_undo_of_the_valuation_reads_original_and_context(loan: CompiledDefinition) -> None:
    original: dict[str, Any] = {"outcome": "VALUED", "resolution": {"value": 250_000}}
    given = {"original": original, "context": _opening(), "reason": "Forged."}
    undo = loan.binding("withdraw-valuation").target

    assert input_for(undo, given) == {"applicant": "R. Vega", "value": 250_000}
    original["resolution"] = None
    assert input_for(undo, given) == {"applicant": "R. Vega", "value": None}


def _definition(bindings: list[dict[str, Any]], **spec: Any) -> CompiledDefinition:
    source = {
        "dsl": "0.1",
        "namespace": "examples",
        "name": "x",
        "version": "1.0.0",
        "spec": {"bindings": bindings, **spec},
    }
    return compile_definition(source, capabilities=None)


def _binding(name: str, filter_: str, when: str | None = None) -> dict[str, Any]:
    trigger = {"contextChange": {"filter": filter_}}
    return {"name": name, "on": trigger, "humanTask": {"title": name}} | (
        {"when": when} if when else {}
    )


def test_filter_and_condition_must_both_hold() -> None:
    definition = _definition([_binding("a", ".x", ".y"), _binding("b", ".x")])

    assert _fired(definition, {"x": 1}) == ["b"]
    assert _fired(definition, {"y": 1}) == []
    assert _fired(definition, {"x": 1, "y": 1}) == ["a", "b"]
    assert _fired(definition, {"x": 1, "y": 1}, "a") == ["b"]


def test_a_condition_that_fails_is_told_and_stops_no_other() -> None:
    definition = _definition(
        [_binding("a", ".x.y"), _binding("b", ".x"), _binding("c", "false", ".x.y")]
    )

    readiness = outlook(definition, {"x": "text"}, waiting=definition.forward_bindings).ready

    assert [binding.name for binding in readiness.fire] == ["b"]
    assert [(name, problem.code) for name, problem in readiness.failed] == [("a", "runtime")]


@pytest.mark.parametrize("first", ["success", "failure"])
def test_the_first_rule_in_the_document_wins(first: str) -> None:
    second = "failure" if first == "success" else "success"
    definition = _definition(
        [_binding("a", ".x")],
        goals=[
            {"name": "s", "kind": "success", "condition": ".s"},
            {"name": "f", "kind": "failure", "condition": ".f"},
        ],
        completion={
            first: {"anyOf": [first[0]]},
            second: {"allOf": [second[0], {"anyOf": ["s", "f"]}]},
        },
    )

    assert _ended(definition, {"s": 1, "f": 1}) == first
    assert _ended(definition, {second[0]: 1}) == second
    assert _ended(definition, {}) is None
    assert _ended(CompiledDefinition.from_json(definition.to_json()), {"s": 1, "f": 1}) == first


def test_a_goal_that_cannot_be_evaluated_is_no_answer() -> None:
    definition = _definition(
        [_binding("a", ".x")], goals=[{"name": "s", "kind": "success", "condition": ".x.y"}]
    )

    seen = outlook(definition, {"x": 1}, waiting=())

    assert seen.ended is None
    assert seen.problem is not None
    assert seen.problem.code == "runtime"


def test_a_result_replaces_top_level_keys_and_leaves_the_given_context_alone() -> None:
    context = {"a": {"old": 1}, "b": 2}

    assert context_after(context, {"a": 3}, mapping=None).after == {"a": 3, "b": 2}
    assert context_after(context, 5, mapping="{c: .}").after == {"a": {"old": 1}, "b": 2, "c": 5}
    assert context_after(context, None, mapping=None).after == context
    assert context_after(context, {"a": 3}, mapping=None, undo=True).after == context
    assert context_after(context, {"a": 3}, mapping="{b: .a}", undo=True).after == {
        "a": {"old": 1},
        "b": 3,
    }
    assert context == {"a": {"old": 1}, "b": 2}


@pytest.mark.parametrize(
    ("result", "mapping", "code"),
    [
        ([1], None, "not_an_object"),
        ({"a": 1}, ".a", "not_an_object"),
        ({"a": 1}, ".a.b", "runtime"),
        ({"a": "x" * (2 * 1024 * 1024)}, None, "too_large"),
    ],
    ids=["list", "number", "broken mapping", "large"],
)
def test_what_does_not_fit_the_context_is_refused(
    result: object, mapping: str | None, code: str
) -> None:
    with pytest.raises(ExpressionFailed) as failure:
        context_after({}, result, mapping=mapping)

    assert failure.value.code == code


def test_an_undo_by_named_people_is_theirs() -> None:
    definition = _definition(
        [
            _binding("a", ".x") | {"compensate": "b"},
            {
                "name": "b",
                "compensation": True,
                "humanTask": {"title": "b", "candidateUsers": ["compliance"]},
            },
        ]
    )

    # It left the performer open, so the original actor could undo alone what they were named for.
    assert undo_policy(definition, definition.binding("a")) == CompensationPolicy(
        mode="human", performer="groups", candidate_users=("compliance",)
    )


def test_an_undo_may_be_merged_key_by_key_too() -> None:
    context, gone = {"a": {"x": 1, "y": 1}}, {"a": {"y": 2}}
    deep = context_after(context, gone, mapping=".", undo=True, deep=True)
    assert deep.after == {"a": {"x": 1, "y": 2}}
    assert context_after(context, gone, mapping=".", undo=True).after == gone
