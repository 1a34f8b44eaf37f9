"""What a case waits for is read off its definition, without evaluating anything."""

from __future__ import annotations

from typing import Any

import pytest

from cases.definitions import compile_definition
from cases.definitions.needs import asked, needs
from tests.casework import LOAN
from tests.definitions import definition, human


@pytest.mark.parametrize(
    ("expression", "present", "absent"),
    [
        (".applicant != null and .credit_check == null", ["applicant"], ["credit_check"]),
        ('.credit_check.outcome == "PASSED"', ["credit_check.outcome"], []),
        ("(.items | length) > 0", ["items"], []),
        ("(.done | not) and .amount > 100", ["amount"], ["done"]),
        ('.a == ".b" # and .c', ["a"], []),
        (".a | .b", ["a"], []),
        ("any(.lines[]; .paid)", ["lines"], []),
        ('has("applicant") and .x.y?.z', ["applicant", "x.y.z"], []),
        (".limit // 5 < .amount", ["amount"], []),
        ('$__loc__.file == "x" or .a[0].b', ["a"], []),
        (None, [], []),
        ("true", [], []),
    ],
)
def test_which_paths_an_expression_asks_for(
    expression: str | None, present: list[str], absent: list[str]
) -> None:
    found = asked(expression)
    assert [".".join(path) for path in found.present] == present
    assert [".".join(path) for path in found.absent] == absent


@pytest.mark.parametrize(
    ("context", "missing", "steps"),
    [
        ({}, ["applicant"], ["credit-check"]),
        ({"applicant": None, "amount": 5}, ["applicant"], ["credit-check"]),
        # Nothing is missing from outside: the next step waits for what another one writes.
        ({"applicant": "V", "credit_check": {}}, ["credit_check.outcome"], ["valuation"]),
        # What is looked at is there, and holds another value than the condition wants.
        ({"applicant": "V"}, [], ["credit-check"]),
        ({"applicant": "V", "credit_check": {"outcome": "LATER"}}, [], ["valuation"]),
    ],
)
def test_a_loan_waits_for_what_is_missing(
    context: dict[str, Any], missing: list[str], steps: list[str]
) -> None:
    found = needs(compile_definition(LOAN, capabilities=None), context)
    assert found is not None
    assert (list(found.missing), list(found.steps)) == (missing, steps)


def test_after_the_last_step_it_waits_for_its_goals() -> None:
    source = definition("late", human("first"), success=".paid == true")
    compiled = compile_definition(source, capabilities=None)
    found = needs(compiled, {"first": {"outcome": None}})
    assert found is not None
    assert (found.missing, found.steps) == (("paid",), ("success",))


def test_a_case_without_conditions_waits_for_nothing_in_particular() -> None:
    compiled = compile_definition(
        definition("free", human("first", when="true")), capabilities=None
    )
    found = needs(compiled, {})
    assert found is not None
    assert (found.missing, found.looks_at) == ((), ())
