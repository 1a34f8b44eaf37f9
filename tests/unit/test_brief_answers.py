"""Answers to broken input are brief, whatever was sent; and a body has a longest useful length."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import pytest

from json_values.pointers import FieldError
from ledger.errors import Conflict, Invalid
from verbs.body_size import LEAST, at_most, largest_body
from verbs.input import Input, Name, Names, Nothing, Text, read
from web.problems import of_refusal


def body(refusal: Invalid | Conflict) -> dict[str, Any]:
    return of_refusal(refusal).body(None)


def test_the_first_twenty_errors_are_named_and_more_are_said() -> None:
    broken = [FieldError(f"/{at}", "no") for at in range(21)]
    some = body(Invalid("no", errors=broken))
    assert [each["pointer"] for each in some["errors"]] == [f"/{at}" for at in range(20)]
    assert some["left_out"] is True
    exact = body(Invalid("no", errors=broken[:20]))
    assert len(exact["errors"]) == 20
    assert "left_out" not in exact


def test_what_was_gathered_and_cut_is_still_said_to_be_more_when_it_is_gathered_again() -> None:
    inner = Invalid("no", errors=[FieldError(f"/{at}", "no") for at in range(500)])
    assert body(Invalid("no", errors=inner.errors))["left_out"] is True


@pytest.mark.parametrize("character", ["x", "é", "\x01", "\U0001f600", '"'])
def test_no_refusal_is_longer_than_64_kib(character: str) -> None:
    long = character * 500_000
    refusal = Invalid(long, errors=[FieldError(f"/{at}{long}", long) for at in range(1000)])
    text = json.dumps(body(refusal), ensure_ascii=False).encode()
    assert len(text) <= 64 * 1024
    assert body(refusal)["errors"][3]["pointer"].startswith("/3")
    assert body(refusal)["errors"][3]["message"].endswith("…")


def test_lists_beside_the_errors_are_cut_too() -> None:
    names = [f"step-{at}" for at in range(1000)]
    found = body(Conflict(extra={"difference": {"added": names, "reordered": False}}))
    assert found["difference"] == {"added": names[:40], "reordered": False}
    assert found["left_out"] is True


def test_a_body_of_strangers_is_answered_with_the_first() -> None:
    with pytest.raises(Invalid) as refused:
        read(Nothing, {f"n{at}": 1 for at in range(19_000)})
    assert refused.value.code == "unknown_field"
    assert len(body(refused.value)["errors"]) == 20


class Few(Input):
    """Members of each kind."""

    name: Name
    names: Names = []
    why: Text | None = None
    kind: Literal["a", "b"] = "a"
    extent: Annotated[Any, at_most(1000)] = None


def test_the_longest_body_is_what_its_members_can_hold() -> None:
    assert largest_body(Nothing) == LEAST + 2
    name, text, extent, word = 150 * 12 + 64, 4000 * 12 + 64, 3000, 64
    members = name + 50 * (name + 2) + text + word + extent
    overhead = sum(len(each) + 5 for each in ("name", "names", "why", "kind", "extent"))
    assert largest_body(Few) == LEAST + 2 + overhead + members
