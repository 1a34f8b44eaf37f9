"""What carries a batch on: every way in which one of its calls may be over."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from cases.events import ENGINE
from executions.lifecycle import UNSUCCESSFUL
from executions.models import Execution
from executions.subject import _ends_a_call
from ledger.dispatch.consumer_registry import hearing
from ledger.record import ActorRef, Change

#: The action by which a call gets to each of these.
WAYS = {
    "FAILED": "failed",
    "CANCELLED": "cancelled",
    "REJECTED": "rejected",
    "EXPIRED": "expired",
    "SUPERSEDED": "superseded",
}


def test_every_unsuccessful_end_is_heard() -> None:
    assert WAYS.keys() == {str(status) for status in UNSUCCESSFUL}
    assert [_ends_a_call(Execution(), action) for action in WAYS.values()] == [True] * len(WAYS)


@pytest.mark.parametrize("action", ["compensation_completed", "compensation_attested"])
def test_a_call_in_doubt_is_over_once_it_is_undone_by_whose_word_ever(action: str) -> None:
    assert _ends_a_call(Execution(outcome_unknown=True), action)
    assert not _ends_a_call(Execution(outcome_unknown=False), action)


@pytest.mark.parametrize(
    "action", sorted({*WAYS.values(), "outcome_unknown", "retried", "accepted"})
)
def test_no_engine_of_a_case_hears_of_a_call(action: str) -> None:
    said: dict[str, Any] = {
        "tenant_id": uuid.uuid4(), "subject_type": "execution", "subject_id": uuid.uuid4(),
        "version": 2, "action": action, "actor": ActorRef(uuid.uuid4(), "SYSTEM", "system"),
        "to_status": "FAILED", "case_id": uuid.uuid4(), "heard_by": (),
    }  # fmt: skip
    type_ = f"amends.execution.{action}.v1"
    hears = [each.name for each in hearing(type_, Change(**said))]
    assert ENGINE in hears
    called = [each.name for each in hearing(type_, Change(**said, in_batch=True))]
    assert called == [each for each in hears if each != ENGINE]
