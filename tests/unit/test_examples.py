"""The examples that come with the product: complete, and each step says how it is taken back."""

from __future__ import annotations

from pathlib import Path

import pytest

from cases.definitions import SubCase, compile_definition, undo_policy
from cases.how_undone import covered_capabilities
from executions import capability_registry

FOLDER = Path(__file__).parents[2] / "examples"
EXAMPLES = sorted(FOLDER.glob("*.yaml"))
#: Said of a step, each of these says that a rollback leaves it as it is.
STAYS = {"not_needed", "irreversible", "pivot"}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_is_complete(path: Path) -> None:
    definition = compile_definition(
        path.read_text("utf-8"),
        capabilities=capability_registry.names(),
        covered=covered_capabilities(),
    )
    assert definition.key == f"examples/{path.stem}"
    assert [(each.code, each.pointer) for each in definition.warnings] == []
    # Not by what its program says alone: who reads the file sees for each step what undoes it. A
    # case below is undone by what its own definition says.
    unsaid = [
        step.name
        for step in definition.forward_bindings
        if undo_policy(definition, step) is None
        and step.reversibility not in STAYS
        and not isinstance(step.target, SubCase)
    ]
    assert unsaid == []


@pytest.mark.parametrize(
    ("name", "steps"),
    [
        ("agent-screening", []),
        ("aml-investigation", ["file-report"]),
        ("clinical-adverse-event", []),
        ("coordinated-change", []),
        ("expense", []),
        ("kyc-onboarding", ["tell-authority"]),
        ("loan-approval", []),
        ("onboarding", []),
        ("supplier-order", []),
        ("travel-booking", []),
        ("travel-plan", ["issue-tickets"]),
    ],
)
def test_what_cannot_be_undone_is_said(name: str, steps: list[str]) -> None:
    definition = compile_definition((FOLDER / f"{name}.yaml").read_text("utf-8"), capabilities=None)
    stays = [
        step.name for step in definition.forward_bindings if step.reversibility == "irreversible"
    ]
    assert stays == steps


def test_a_customer_is_taken_on_in_ten_steps() -> None:
    source = (FOLDER / "onboarding.yaml").read_text("utf-8")
    definition = compile_definition(source, capabilities=None)
    assert len([*definition.forward_bindings]) == 10


def test_all_examples_are_there() -> None:
    assert [path.stem for path in EXAMPLES] == [
        "agent-screening",
        "aml-investigation",
        "clinical-adverse-event",
        "coordinated-change",
        "expense",
        "kyc-onboarding",
        "loan-approval",
        "onboarding",
        "supplier-order",
        "travel-booking",
        "travel-plan",
    ]
