"""Compiling definitions: what is accepted, what it becomes, and every refusal with its line."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cases.definitions import (
    Binding,
    CapabilityCall,
    CompiledDefinition,
    DefinitionInvalid,
    HumanTask,
    compile_definition,
    undo_policy,
)
from cases.definitions.model import Capability, Goal, Rule
from cases.definitions.parser import read_document
from compensation.policy import CompensationPolicy
from ledger.canonical import digest

HEAD = """\
dsl: "0.1"
namespace: examples
name: onboarding
version: "1.0.0"
spec:
"""
FULL = (
    HEAD
    + """\
  capabilities:
    - name: open-account
      description: Opens it
      inputSchema: "{request: .request}"
      outputSchema: "{account: .}"
    - {name: close-account}
  goals:
    - {name: opened, kind: success, condition: .account != null}
    - {name: refused, kind: failure, condition: {jq: '.approval.outcome == "NO"'}}
  completion:
    failure: {anyOf: [refused]}
    success: {allOf: [opened, {anyOf: [opened]}]}
  bindings:
    - name: approve
      on: {contextChange: {filter: .request != null}}
      when: .approval == null
      humanTask:
        title: Approve the customer
        types: [approval]
        candidateGroups: [underwriters]
        candidateUsers: [compliance]
        outcomes: ["YES", "NO"]
        inputMapping: "{request}"
        outputMapping: "{approval: .}"
        scope: sales/onboarding
        priority: high
        expiresIn: PT24H
        resolutionSchema:
          type: object
          properties: {note: {$ref: "#/$defs/note"}}
          $defs: {note: {type: string}}
      compensate: withdraw
      compensation: {strategy: correct, window: P30D, self_undo: true}
      reversibility: compensable
    - name: open
      on: {contextChange: {}}
      when: .approval.outcome == "YES" and .account == null
      capability: open-account
      outputMapping: "{account: .id}"
      compensation: {mode: automated, capability: close-account, fallback: human}
    - name: withdraw
      compensation: true
      humanTask: {title: Withdraw the approval, candidateGroups: [compliance]}
"""
)


def _errors(source: str | dict[str, Any]) -> list[tuple[int | None, str, str]]:
    with pytest.raises(DefinitionInvalid) as refusal:
        compile_definition(source, capabilities=None)
    return [(e.line, e.pointer, e.message) for e in refusal.value.errors]


def _with_binding(*lines: str) -> str:
    """A definition whose only binding starts on line 7 and lacks nothing but what is given."""
    return HEAD + "  bindings:\n    - name: one\n" + "".join(f"      {line}\n" for line in lines)


TASK = "humanTask: {title: T}"
ON = "on: {contextChange: {filter: .a}}"


def test_compiles_to_the_model() -> None:
    definition = compile_definition(FULL, capabilities=["open-account", "close-account"])

    # They are kept, and nothing looks them up: that is said of them now.
    assert [(each.pointer, each.code) for each in definition.warnings] == [
        (f"/spec/bindings/0/humanTask/{word}", "not_executed") for word in ("types", "scope")
    ]
    assert definition.key == "examples/onboarding"
    assert (definition.title, definition.summary) == ("onboarding", "")
    assert definition.capabilities == (
        Capability(
            name="open-account",
            description="Opens it",
            input_projection="{request: .request}",
            output_projection="{account: .}",
        ),
        Capability(name="close-account"),
    )
    assert definition.goals == (
        Goal(name="opened", kind="success", condition=".account != null"),
        Goal(name="refused", kind="failure", condition='.approval.outcome == "NO"'),
    )
    assert definition.completion == (
        ("failure", Rule(operator="any", members=("refused",))),
        (
            "success",
            Rule(operator="all", members=("opened", Rule(operator="any", members=("opened",)))),
        ),
    )
    assert definition.bindings == (
        Binding(
            name="approve",
            filter=".request != null",
            when=".approval == null",
            target=HumanTask(
                title="Approve the customer",
                types=("approval",),
                candidate_groups=("underwriters",),
                candidate_users=("compliance",),
                outcomes=("YES", "NO"),
                input_mapping="{request}",
                output_mapping="{approval: .}",
                scope="sales/onboarding",
                priority="HIGH",
                expires_in=timedelta(days=1),
                resolution_schema={
                    "type": "object",
                    "properties": {"note": {"$ref": "#/$defs/note"}},
                    "$defs": {"note": {"type": "string"}},
                },
            ),
            compensate="withdraw",
            policy=CompensationPolicy(
                strategy="correct", window=timedelta(days=30), self_undo=True
            ),
            reversibility="compensable",
        ),
        Binding(
            name="open",
            when='.approval.outcome == "YES" and .account == null',
            target=CapabilityCall(
                capability="open-account",
                input_mapping="{request: .request}",
                output_mapping="{account: .id}",
            ),
            policy=CompensationPolicy(
                mode="automated", capability="close-account", fallback="human"
            ),
        ),
        Binding(
            name="withdraw",
            target=HumanTask(title="Withdraw the approval", candidate_groups=("compliance",)),
            compensation_only=True,
        ),
    )
    assert [b.name for b in definition.forward_bindings] == ["approve", "open"]


def test_the_stored_form_is_read_back_unchanged() -> None:
    definition = compile_definition(FULL, capabilities=None)

    # Where it names people in its text belongs to the moment of compiling, like warnings.
    kept = definition.model_copy(update={"named": (), "warnings": ()})
    assert CompiledDefinition.from_json(definition.to_json()) == kept


def test_the_order_of_keys_and_silent_nulls_change_no_digest() -> None:
    written = {**read_document(FULL).data, "summary": None}
    turned = dict(reversed(written.items()))
    turned["spec"] = dict(reversed(written["spec"].items()))
    stored = compile_definition(FULL, capabilities=None).to_json()

    assert digest(compile_definition(turned, capabilities=None).to_json()) == digest(stored)
    assert list(stored["bindings"][0]["policy"]) == ["strategy", "window", "self_undo"]


def test_a_stored_form_of_another_version_is_refused() -> None:
    stored = compile_definition(FULL, capabilities=None).to_json()

    with pytest.raises(ValueError, match="model"):
        CompiledDefinition.from_json({**stored, "model": 2})


def test_what_undoing_means_comes_from_the_target_or_the_map() -> None:
    definition = compile_definition(FULL, capabilities=None)
    approve, opened, withdraw = definition.bindings

    assert undo_policy(definition, approve) == CompensationPolicy(
        mode="human",
        performer="groups",
        candidate_groups=("compliance",),
        strategy="correct",
        window=timedelta(days=30),
        self_undo=True,
    )
    assert undo_policy(definition, opened) == CompensationPolicy(
        mode="automated", capability="close-account", fallback="human"
    )
    assert undo_policy(definition, withdraw) is None


def test_of_an_undo_that_nobody_registered_it_is_said_that_it_fails() -> None:
    source = HEAD + (
        "  capabilities: [{name: far}, {name: back}]\n"
        "  goals: [{name: g, condition: .a}]\n"
        "  bindings:\n"
        "    - {name: a, on: {contextChange: {}}, when: .a == null, capability: far,\n"
        "       compensate: b}\n"
        "    - {name: b, compensation: true, capability: back}\n"
    )
    found = compile_definition(source, capabilities=[]).warnings
    assert [each.message for each in found if each.code == "unknown_capability"] == [
        "'far' is not registered here: waits for an external result",
        "'back' is not registered here: the undo fails, and a person takes it over",
    ]


def test_a_json_object_has_pointers_instead_of_lines() -> None:
    source: dict[str, Any] = {
        "dsl": "0.1",
        "namespace": "examples",
        "name": "x",
        "version": "1.0.0",
        "spec": {
            "bindings": [
                {"name": "a/b", "on": {"contextChange": {}}, "humanTask": {"title": "T"}},
            ]
        },
    }

    ((line, pointer, _),) = _errors(source)
    assert (line, pointer) == (None, "/spec/bindings/0/name")

    source["spec"]["bindings"][0]["name"] = "a"
    assert compile_definition(source, capabilities=None).bindings[0].name == "a"


def test_warnings_tell_what_may_surprise() -> None:
    source = HEAD + (
        "  cbrConfig: {topK: 5}\n"
        "  capabilities: [{name: known}, {name: stranger}]\n"
        "  goals: [{name: g, kind: success, condition: .a}]\n"
        "  completion: {success: {allOf: [g]}}\n"
        "  bindings:\n"
        "    - {name: a, on: {contextChange: {}}, capability: known}\n"
        "    - {name: b, on: {contextChange: {filter: .a}}, capability: stranger,\n"
        "       compensation: {capability: other}}\n"
        "    - {name: c, compensation: true, humanTask: {title: T}}\n"
        "labels: [x]\n"
    )

    warnings = compile_definition(source, capabilities={"known"}).warnings

    # Code and column came with DESIGN §8's `{code, line, column, detail}`.
    assert [(each.code, each.column) for each in warnings] == [
        ("ignored", 14), ("unknown_capability", 40), ("coverage_gap", 7), ("unguarded", 7),
        ("repeats", 7), ("unknown_capability", 35), ("unnamed", 7), ("ignored", 9),
    ]  # fmt: skip
    # What neither is undone nor asks for what it writes is told now, too.
    assert [tuple(warning)[:3] for warning in warnings] == [
        (6, "/spec/cbrConfig", "cbrConfig is ignored: no past case is looked up"),
        (
            7,
            "/spec/capabilities/1/name",
            "'stranger' is not registered here: waits for an external result",
        ),
        (
            11,
            "/spec/bindings/0",
            "coverage gap: nobody declared how 'a' is undone, and a rollback leaves it as it is",
        ),
        (
            11,
            "/spec/bindings/0",
            "neither filter nor when: fires again at every change of context",
        ),
        (
            12,
            "/spec/bindings/1",
            "asks for nothing that its result changes: fires again after every result",
        ),
        (
            13,
            "/spec/bindings/1/compensation/capability",
            "'other' is not registered here: the undo fails, and a person takes it over",
        ),
        (14, "/spec/bindings/2", "no binding names 'c' in compensate"),
        (15, "/labels", "labels is ignored: nothing here shows or reads it"),
    ]


def test_without_completion_the_goals_decide() -> None:
    goals = (
        "  goals:\n"
        "    - {name: g, kind: success, condition: .a}\n"
        "    - {name: h, kind: failure, condition: .b}\n"
    )

    definition = compile_definition(_with_binding(ON, TASK) + goals, capabilities=None)

    assert definition.completion == (
        ("failure", Rule(operator="any", members=("h",))),
        ("success", Rule(operator="all", members=("g",))),
    )
