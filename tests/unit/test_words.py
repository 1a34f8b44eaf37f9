"""Words belong to their owner: what is declared has words, a status has one label everywhere."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any

import pytest
from django.apps import apps
from django.db import models
from django.utils import translation

from audit.words import KIND_WORDS
from ledger import vocabulary
from tests.database import ROOT
from tests.vocabulary import declared
from verbs import catalogue, words
from web.templatetags.amends import state_badge, state_label

LIFECYCLES = sorted(path.parent.name for path in ROOT.glob("*/lifecycle.py"))
_FOUND = {
    choices
    for app in LIFECYCLES
    for name, choices in inspect.getmembers(importlib.import_module(f"{app}.lifecycle"))
    if inspect.isclass(choices)
    and issubclass(choices, models.TextChoices)
    and (name.endswith("Status") or name == "CompensationState")
}
# In one order everywhere: a class is found in every app that imports it.
STATUSES = sorted(_FOUND, key=lambda each: (each.__module__, each.__name__))
# How pages call what a column of a model says.
KINDS = {
    "workitems.WorkItem.status": "work_item",
    "workitems.WorkItem.kind": "kind",
    "workitems.WorkItem.compensation_state": "compensation",
    "executions.Execution.status": "execution",
    "executions.Execution.compensation_state": "compensation",
    "executions.Batch.status": "batch",
    "cases.Case.status": "case",
    "cases.Arrival.status": "arrival",
    "cases.PlanItem.status": "plan_item",
    "cases.PlanItem.compensation_state": "compensation",
    "governance.Approval.status": "approval",
    "compensation.CompensationRequest.status": "compensation_request",
    "compensation.CompensationRun.status": "compensation_run",
    "compensation.CompensationStep.status": "step",
    "notifications.Delivery.status": "delivery",
}
# What has no chain of its own: its entries are about these.
RECORDED_ABOUT = {
    "substitution": "actor",
    "token": "actor",
    "signature_key": "actor",
    "erasure": "actor",
    "legal_hold": "tenant",
    "retention": "tenant",
    "case_definition": "tenant",
    "compensation_plan": "compensation_run",
    "compensation_step": "compensation_run",
    "inbound_event": "tenant",
    "policy": "tenant",
    "schedule": "tenant",
    "ledger_entry": "work_item",
    "work_item_attachment": "work_item",
    "work_item_label": "work_item",
    "work_item_link": "work_item",
    "work_item_note": "work_item",
    "work_item_relation": "work_item",
    "work_item_template": "tenant",
}


@pytest.fixture(autouse=True)
def _plain_english() -> Any:
    with translation.override("en"):
        yield


def test_what_can_be_recorded_is_what_has_words() -> None:
    recorded = {
        (subject_type, action)
        for subject_type in vocabulary.SUBJECT_TYPES
        for action in vocabulary.actions_of(subject_type)
    }
    assert recorded == words.all_action_words().keys()
    assert {action for _type, action in recorded} == vocabulary.all_actions()
    assert {subject_type for subject_type, _action in recorded} == {
        "work_item", "execution", "batch", "case", "compensation_run", "approval", "tenant",
        "actor", "compensation_request",
    }  # fmt: skip


def test_every_verb_records_what_is_declared() -> None:
    for verb in catalogue.all_verbs():
        about = RECORDED_ABOUT.get(verb.subject_type, verb.subject_type)
        if verb.action == "created":
            # A template makes an item, whose first entry that is.
            about = "work_item"
        assert not verb.action or vocabulary.is_declared(about, verb.action), verb.name


def test_every_action_reads_as_a_sentence() -> None:
    for (subject_type, action), found in words.all_action_words().items():
        sentence = str(found.sentence) % {"what": "A", "who": "B", "step": "A"}
        assert "%" not in sentence, (subject_type, action)
        assert re.search(r"\b[AB]\b", sentence), (subject_type, action)
        assert str(found.label)
        assert found.tone in {"", "undo", "bad", "done"}
        assert subject_type in words.all_subject_words()


def test_only_what_the_ledger_knows_is_called_something() -> None:
    assert words.all_subject_words().keys() == vocabulary.SUBJECT_TYPES
    assert KIND_WORDS.keys() == vocabulary.KINDS
    with pytest.raises(ValueError, match="'robot' is no subject type of the ledger"):
        words.register_subject_words("robot", "robot")
    with pytest.raises(ValueError, match="'robot' is no subject type of the ledger"):
        words.register_actions("robot", {"built": words.ActionWords("Built", "%(what)s built")})
    assert "robot" not in words.all_subject_words()
    assert ("robot", "built") not in words.all_action_words()


def test_one_action_means_different_things_of_different_subjects() -> None:
    assert words.action_label("compensation_faulted", "case") == "Rollback needs a decision"
    assert words.action_label("compensation_faulted", "execution") == "Undo failed"
    assert words.action_label("compensation_faulted") == "Rollback needs a decision / Undo failed"
    assert words.action_label("completed") == "Completed"
    assert words.action_label("never_seen") == "Never seen"


def test_an_action_is_declared_for_one_type_of_subject() -> None:
    assert vocabulary.is_declared("work_item", "claimed")
    assert not vocabulary.is_declared("execution", "claimed")
    assert not vocabulary.is_declared("robot", "claimed")
    with declared("channel", "opened"):
        assert vocabulary.actions_of("channel") == {"opened"}
    assert vocabulary.actions_of("channel") == frozenset()


@pytest.mark.parametrize("choices", STATUSES, ids=lambda each: f"{each.__module__}.{each.__name__}")
def test_every_status_of_every_lifecycle_has_a_look(choices: type[models.TextChoices]) -> None:
    labels = {each.value: each.label for each in choices}
    shown = [
        {status: found.label for status, found in states.items()}
        for states in words.all_states().values()
    ]
    assert labels in shown


def test_a_status_without_a_look_is_refused_at_start() -> None:
    class Odd(models.TextChoices):
        ONE = "ONE", "One"
        TWO = "TWO", "Two"

    with pytest.raises(ValueError, match="looks without a status: TWO"):
        words.register_states("odd", Odd, {"ONE": ("check", "done")})
    with pytest.raises(ValueError, match="looks without a status: THREE"):
        words.register_states("odd", Odd, dict.fromkeys(("ONE", "TWO", "THREE"), ("check", "done")))
    assert "odd" not in words.all_states()


@pytest.mark.parametrize("column", sorted(KINDS))
def test_a_status_has_one_label_on_pages_and_in_the_admin(column: str) -> None:
    app, model, name = column.split(".")
    field: Any = apps.get_model(app, model)._meta.get_field(name)
    assert field.flatchoices
    for status, admin_label in field.flatchoices:
        kind = KINDS[column]
        assert state_label(status, kind) == str(admin_label)
        assert str(admin_label) in state_badge(status, kind)


def test_every_stored_status_is_compared() -> None:
    stored = {
        f"{model._meta.app_label}.{model.__name__}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.get_fields()
        if model._meta.app_label in LIFECYCLES
        and field.name in {"status", "compensation_state"}
        and getattr(field, "choices", None)
    }
    assert stored == KINDS.keys() - {"workitems.WorkItem.kind"}


def test_the_documentation_says_what_pages_say() -> None:
    page = (ROOT / "docs" / "reference" / "lifecycle.md").read_text("utf-8")
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| ([^|]+) \| \w+ \|$", page, re.MULTILINE))
    shown = words.all_states()["work_item"]
    assert rows == {status: str(found.label) for status, found in shown.items()}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("run_live", "a rollback is under way"),
        ("not_assignee", "only who it is assigned to may"),
        ("not_operator", "only an operator may"),
        ("never_heard_of", "never heard of"),
        ("", ""),
    ],
)
def test_a_denial_reads_as_the_end_of_a_sentence(code: str, expected: str) -> None:
    assert words.denial(code) == expected
