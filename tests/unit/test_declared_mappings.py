"""What a mapping that only picks hands on of what is declared, and no more."""

from __future__ import annotations

import pytest

from cases.definitions.declared import mapped

MONEY = {"format": "money", "currency": "EUR"}
SCHEMA = {"properties": {"sum": MONEY, "loan": {"properties": {"rest": MONEY}}}}


@pytest.mark.parametrize(
    ("mapping", "members"),
    [
        (".", {"sum", "loan"}),
        (".loan", {"rest"}),
        ("{sum}", {"sum"}),
        ("{ sum , left: .loan.rest }", {"sum", "left"}),
        ("{sum: .loan.rest, n: {a: [sum, 1]}, m: (.x, 2)}", {"sum", "n", "m"}),
        ('{sum: .sum, n: "}, left: .loan"}', {"sum", "n"}),
    ],
)
def test_what_is_picked_keeps_what_is_declared(mapping: str, members: set[str]) -> None:
    found = mapped(mapping, SCHEMA)["properties"]
    assert set(found) == members
    assert found.get("sum", MONEY) == MONEY
    assert found.get("left", MONEY) == MONEY


@pytest.mark.parametrize(
    "mapping",
    [
        ".sum / 100",
        '{"sum": .loan}', "{sum} | {sum: 1}", "{(.key): .sum, sum}", "{sum}, {sum: 2}",
        "{a: .x # ,\n, sum}", '{a: "\\("}"), b", sum}', "{sum", "{}", "", "[.sum]",
    ],
)  # fmt: skip
def test_what_is_not_read_is_declared_by_nobody(mapping: str) -> None:
    assert mapped(mapping, SCHEMA) == {}


@pytest.mark.parametrize(
    "value",
    [".sum * 2", "(.sum)", ".sum + .loan.rest", "{sum}", ".sum | . / 100", "1", ".sum // 0"],
)
def test_what_is_computed_is_declared_by_nobody(value: str) -> None:
    for mapping in (
        f"{{sum: {value}, rest: .loan.rest}}",
        f"{{sum, rest: .loan.rest, sum: {value}}}",
    ):
        assert mapped(mapping, SCHEMA)["properties"] == {"sum": {}, "rest": MONEY}
