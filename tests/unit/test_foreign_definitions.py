"""Whole definitions in the habits of other engines' authors, written for this: all of them load,
and what is different is said by its name and line (`tests/foreign_definitions/warnings.csv`)."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from cases.definitions import (
    CapabilityCall,
    CompiledDefinition,
    HumanTask,
    SubCase,
    Throw,
    compile_definition,
)

FOREIGN = Path(__file__).resolve().parents[1] / "foreign_definitions"
FILES = sorted(each.name for each in FOREIGN.iterdir() if each.suffix in {".yaml", ".json"})


def compiled(name: str) -> CompiledDefinition:
    text = (FOREIGN / name).read_text("utf-8")
    source: str | dict[str, Any] = json.loads(text) if name.endswith(".json") else text
    return compile_definition(source, capabilities=None)


def expected(name: str) -> list[tuple[str, str, str]]:
    with (FOREIGN / "warnings.csv").open(encoding="utf-8", newline="") as table:
        rows = [row for row in csv.DictReader(table) if row["file"] == name]
    return [(row["code"], row["pointer"], row["line"]) for row in rows]


@pytest.mark.parametrize("name", FILES)
def test_each_loads_and_says_what_is_different(name: str) -> None:
    found = compiled(name)
    assert [(w.code, w.pointer, str(w.line or "")) for w in found.warnings] == expected(name)
    assert all(w.message for w in found.warnings)
    assert CompiledDefinition.from_json(
        json.loads(json.dumps(found.to_json()))
    ) == found.model_copy(update={"warnings": (), "named": ()})


def test_there_are_fourteen() -> None:
    assert len(FILES) == 14


def target(name: str, step: str) -> Any:
    return compiled(name).binding(step).target


def test_they_mean_what_their_authors_meant() -> None:
    judged = target("permit-review.yaml", "judge")
    assert isinstance(judged, HumanTask)
    assert judged.candidate_groups == ("permit desk", "inspectors")
    assert compiled("permit-review.yaml").title == "Review of a building permit"
    assert compiled("permit-review.yaml").version == "1.0"
    picked = target("harvest-watch.yaml", "pick")
    assert (
        picked.input_mapping == "{field: (.field), count: 3, careful: true, where: {row: (.row)}}"
    )
    assert picked.candidate_users_expression == ".pickers"
    vote = target("vote-of-three.yaml", "third-vote")
    assert isinstance(vote, SubCase)
    assert (vote.required_count, vote.on_threshold_reached, vote.max_recursion_depth) == (
        2, "CANCEL", 0,
    )  # fmt: skip
    closing = compiled("leak-response.yaml").binding("close")
    assert closing.outcome_policy is not None
    assert (closing.outcome_policy.on_failure, closing.outcome_policy.on_expired) == (
        "REROUTE", "FAULT",
    )  # fmt: skip
    talk = target("reading-circle.json", "talk")
    assert isinstance(talk, CapabilityCall)
    assert talk.performer == "host"
    again = target("stock-count.yaml", "again")
    assert isinstance(again, Throw)
    assert again.names == ("count",)
    sent = target("parcel.yaml", "send")
    assert sent.input_mapping == (
        '{to: (.to), since: ("2026-01-02"), weight: 2.5, insured: true, off: (.off), no: (.no)}'
    )
    assert compiled("parcel.yaml").version == "1.10"
    policy = compiled("grant-round.yaml").binding("choose").policy
    assert policy is not None
    assert policy.people_named == {"approval/0/users/0": "chair"}


def test_what_is_null_says_nothing_also_where_nobody_knows_the_word() -> None:
    source = json.loads((FOREIGN / "reading-circle.json").read_text("utf-8"))
    same = compile_definition(source, capabilities=None)
    source["spec"] |= {"compounds": None, "goal": None, "unheard-of": None}
    source["spec"]["bindings"][0]["wen"] = None
    found = compile_definition(source, capabilities=None)
    assert (found.to_json(), found.warnings) == (same.to_json(), same.warnings)
