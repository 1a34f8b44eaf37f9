"""The capability registry and its schemas, without a database."""

from __future__ import annotations

import pytest

from compensation.policy import CompensationPolicy, PolicyError
from executions import capability_registry
from executions.capability_registry import Invocation, Result, RetryPolicy, capability
from json_values import json_schema
from json_values.pointers import MAX_GATHERED


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capability_registry, "_capabilities", {})


def nothing(call: Invocation) -> Result:
    """Do nothing."""
    return Result({})


def test_a_capability_is_found_by_its_name() -> None:
    assert capability("b.two")(nothing) is nothing
    capability("a.one", description="first", reversibility="pivot")(nothing)
    assert capability_registry.names() == {"a.one", "b.two"}
    assert [found.name for found in capability_registry.all_capabilities()] == ["a.one", "b.two"]
    one, two = capability_registry.get("a.one"), capability_registry.get("b.two")
    assert one is not None
    assert two is not None
    assert (one.description, one.reversibility, one.policy) == ("first", "pivot", None)
    assert (two.description, two.reversibility) == ("Do nothing.", "unspecified")
    assert capability_registry.get("c.three") is None


def test_a_name_is_given_once() -> None:
    capability("a.one")(nothing)
    with pytest.raises(ValueError, match=r"a capability named 'a.one' is already registered"):
        capability("a.one")(nothing)


def test_a_wrong_declaration_is_refused_where_it_stands() -> None:
    with pytest.raises(ValueError, match="not a JSON Schema"):
        capability("a.one", input_schema={"type": "nonsense"})
    with pytest.raises(ValueError, match="unknown reversibility 'maybe'"):
        capability("a.one", reversibility="maybe")
    with pytest.raises(PolicyError, match="unknown field 'colour'"):
        capability("a.one", compensation={"colour": "red"})
    with pytest.raises(ValueError, match="at least 1"):
        capability("a.one", retry=RetryPolicy(max_attempts=0))
    with pytest.raises(ValueError, match="unknown backoff 'linear'"):
        capability("a.one", retry=RetryPolicy(backoff="linear"))
    for jitter in (-0.01, 1.01, float("nan")):
        with pytest.raises(ValueError, match="jitter is a part of a wait, from 0 to 1"):
            capability("a.one", retry=RetryPolicy(jitter=jitter))
    with pytest.raises(ValueError, match="nobody waits longer than a year"):
        capability("a.one", wait_seconds=366 * 86_400 + 1)
    assert capability_registry.names() == frozenset()


def test_what_undoes_it_becomes_its_policy() -> None:
    capability("a.one", undone_by="a.back", compensation={"window": "P30D"})(nothing)
    found = capability_registry.get("a.one")
    assert found is not None
    assert found.policy == CompensationPolicy.from_json(
        {"mode": "automated", "capability": "a.back", "window": "P30D"}
    )


@pytest.mark.parametrize(
    ("attempt", "seconds"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 30), (60, 30)]
)
def test_waits_double_up_to_a_cap(attempt: int, seconds: float) -> None:
    assert RetryPolicy().wait_after(attempt, "any") == seconds


def test_fixed_waits_do_not_grow() -> None:
    fixed = RetryPolicy(base_seconds=7, backoff="fixed")
    assert [fixed.wait_after(attempt, "any") for attempt in (1, 2, 60)] == [7, 7, 7]
    assert RetryPolicy(base_seconds=7, cap_seconds=5, backoff="fixed").wait_after(1, "any") == 5


@pytest.mark.parametrize(("backoff", "whole"), [("fixed", 4), ("exponential", 16)])
def test_jitter_shortens_a_wait_by_its_part_at_most(backoff: str, whole: float) -> None:
    spread = RetryPolicy(base_seconds=4, backoff=backoff, jitter=0.25)
    names = [f"execution {number}" for number in range(1000)]
    waits = [spread.wait_after(3, name) for name in names]
    # Of a thousand draws some are near each end, and none is beyond.
    assert 0.75 * whole < min(waits) < 0.76 * whole
    assert 0.99 * whole < max(waits) <= whole
    # One attempt is told the same whenever it is asked about, another one something else.
    assert [spread.wait_after(3, name) for name in names] == waits
    assert len({*waits}) == 1000
    steady = RetryPolicy(base_seconds=4, jitter=0.25, cap_seconds=4)
    assert steady.wait_after(1, "one") != steady.wait_after(2, "one")


def test_every_broken_rule_is_named_by_its_pointer() -> None:
    schema = {
        "type": "object",
        "properties": {"a/b": {"type": "integer"}, "rows": {"items": {"minLength": 2}}},
        "required": ["name"],
    }
    found = json_schema.problems(schema, {"a/b": "x", "rows": ["ok", "n"]}, "/input")
    assert [(error.pointer, error.code) for error in found] == [
        ("/input", "required"),
        ("/input/a~1b", "type"),
        ("/input/rows/1", "minLength"),
    ]
    assert json_schema.problems(schema, {"name": 1}, "/input") == []


def test_a_schema_fetches_nothing() -> None:
    schema = {"$ref": "http://127.0.0.1:9/schema.json"}
    (error,) = json_schema.problems(schema, {}, "/input")
    assert error.message == (
        "cannot be checked against its schema: at /$ref: the reference"
        " 'http://127.0.0.1:9/schema.json' leaves the schema; only # is allowed"
    )


def test_a_long_list_of_errors_is_cut() -> None:
    found = json_schema.problems({"items": {"type": "string"}}, list(range(500)), "")
    assert len(found) == MAX_GATHERED
