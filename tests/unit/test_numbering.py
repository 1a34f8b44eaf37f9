"""How a definition numbers its cases: which patterns there are, and what they make."""

from __future__ import annotations

import datetime as dt

import pytest

from cases.definitions import DefinitionInvalid, compile_definition
from cases.models import title_with_number
from cases.numbers import prefix_of
from tests.definitions import definition, human

AT = dt.datetime(2026, 12, 31, 23, 30, tzinfo=dt.timezone(dt.timedelta(hours=-2)))


@pytest.mark.parametrize(
    ("pattern", "prefix"),
    [(None, ""), ("{n}", ""), ("L-{n}", "L-"), ("L-{year}-{n}", "L-2027-"), ("Akte {n}", "Akte ")],
)
def test_a_number_begins_as_its_pattern_says(pattern: str | None, prefix: str) -> None:
    source = definition("loan", human("check"))
    if pattern is not None:
        source["spec"]["caseNumber"] = pattern
    compiled = compile_definition(source, capabilities=None)
    assert compiled.case_number == pattern
    assert compile_definition(source, capabilities=None).to_json() == compiled.to_json()
    # The year is that of UTC, where it is two hours later.
    assert prefix_of(compiled.case_number, AT) == prefix


def test_a_definition_without_a_pattern_is_stored_as_before() -> None:
    stored = compile_definition(definition("loan", human("check")), capabilities=None).to_json()
    assert "case_number" not in stored


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("L-{year}", "is no pattern"),
        ("{n}-L", "is no pattern"),
        ("L-{n}{n}", "is no pattern"),
        ("{year}-{year}-{n}", "is no pattern"),
        ("L<{n}", "is no pattern"),
        ("L-{month}-{n}", "is no pattern"),
        ("L{year}{n}", "has digits right before {n}"),
        ("L-1{n}", "has digits right before {n}"),
        ("L-٣{n}", "has digits right before {n}"),
        ("L" * 38 + "{n}", "must be text of at most 40 characters"),
        (118, "caseNumber must be text"),
    ],
)
def test_a_pattern_that_could_give_a_number_twice_is_refused(pattern: object, says: str) -> None:
    source = definition("loan", human("check"))
    source["spec"]["caseNumber"] = pattern
    with pytest.raises(DefinitionInvalid) as refused:
        compile_definition(source, capabilities=None)
    [error] = refused.value.errors
    assert error.pointer == "/spec/caseNumber"
    assert says in error.message


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Loan", "Loan 118"),
        ("Loan 118", "Loan 118"),
        ("Loan 1180", "Loan 1180 118"),
        ("قرض", "قرض 118"),
    ],
)
def test_a_case_is_called_by_title_and_number_once(title: str, name: str) -> None:
    assert title_with_number(title, "118") == name
