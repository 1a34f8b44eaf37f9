"""The order of versions, and which is meant when none is named."""

from __future__ import annotations

import itertools
import random
from types import SimpleNamespace

import pytest

from cases.definitions import DefinitionInvalid, compile_definition
from cases.versions import default_of, highest_first, precedence
from tests.definitions import definition, human

# The examples of Semantic Versioning 2.0.0 §11, and numbers that are no words.
RISING = (
    "0.9.10 1.0.0-0 1.0.0-2 1.0.0-11 1.0.0-11.a 1.0.0-A 1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta"
    " 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-beta-1 1.0.0-rc.1 1.0.0 1.2.0 1.10.0 2.0.0-x"
    " 2.0.0 2.1.0 2.1.1 10.0.0"
).split()


def test_versions_rise() -> None:
    for lower, higher in itertools.combinations(RISING, 2):
        assert precedence(lower) < precedence(higher), (lower, higher)


def test_build_metadata_says_nothing() -> None:
    assert precedence("1.0.0+b.9") == precedence("1.0.0+a-1") == precedence("1.0.0")
    assert precedence("1.0.0-rc.1+a") == precedence("1.0.0-rc.1")


def test_they_are_sorted_whatever_their_order() -> None:
    mixed = random.Random(7).sample(RISING, len(RISING))  # noqa: S311  -- an order for a test
    rows = highest_first(SimpleNamespace(version=each) for each in mixed)
    assert [row.version for row in rows] == RISING[::-1]


@pytest.mark.parametrize(
    ("deployed", "meant"),
    [
        ("1.9.0 1.10.0 1.2.0", "1.10.0"),
        ("1.0.0 2.0.0-rc.1", "1.0.0"),
        ("2.0.0-beta 2.0.0-rc.1", "2.0.0-rc.1"),
        ("1.0.0+a-b 1.0.0-rc.1", "1.0.0+a-b"),
        ("1.0.0", "1.0.0"),
    ],
)
def test_the_one_that_is_meant(deployed: str, meant: str) -> None:
    rows = [SimpleNamespace(version=each) for each in deployed.split()]
    assert default_of(rows).version == meant


@pytest.mark.parametrize(
    ("version", "good"),
    [
        ("1.0.0-0", True),
        ("1.0.0-10.a.0", True),
        ("1.0.0-01a.-.0-0", True),
        ("1.0.0+01", True),
        ("1.0.0-rc.1+001.a", True),
        ("1.0.0-01", False),
        ("1.0.0-a.01", False),
        ("1.0.0-00", False),
        ("1.0.0-", False),
        ("1.0.0-a..b", False),
        ("01.0.0", False),
    ],
)
def test_what_is_a_version(version: str, *, good: bool) -> None:
    source = {**definition("v", human("a")), "version": version}
    if good:
        assert compile_definition(source, capabilities=None).version == version
        return
    with pytest.raises(DefinitionInvalid) as refusal:
        compile_definition(source, capabilities=None)
    assert [(e.pointer, e.message) for e in refusal.value.errors] == [
        ("/version", f"version {version!r} is not semantic, such as 1.0.0")
    ]
