"""Of which entries nobody has to be told, whatever else is true: they make no task."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from ledger.record import ActorRef, Change
from notifications.events import concerns_somebody

ID = uuid.UUID(int=1)
IN_A_RUN = {"run": str(ID), "step": 1, "round": 1, "attempt": 1}
ALONE = {"run": None, "step": None, "round": 1, "attempt": 1}


@pytest.mark.parametrize(
    ("subject_type", "action", "kind", "compensation", "expected"),
    [
        ("work_item", "created", "TRANSITION", None, True),
        ("work_item", "created", "COMPENSATION", IN_A_RUN, True),
        ("work_item", "compensation_completed", "COMPENSATION", ALONE, True),
        ("work_item", "compensation_completed", "COMPENSATION", IN_A_RUN, False),
        ("execution", "compensation_completed", "COMPENSATION", IN_A_RUN, False),
        ("work_item", "compensation_attested", "ATTESTATION", IN_A_RUN, False),
        ("work_item", "compensation_attested", "ATTESTATION", ALONE, True),
        ("execution", "compensation_faulted", "COMPENSATION", IN_A_RUN, False),
        ("execution", "compensation_faulted", "COMPENSATION", ALONE, True),
        ("execution", "outcome_unknown", "TRANSITION", None, True),
        ("execution", "outcome_unknown", "COMPENSATION", ALONE, False),
        ("compensation_run", "compensation_completed", "COMPENSATION", IN_A_RUN, True),
        ("compensation_run", "compensation_step_failed", "COMPENSATION", IN_A_RUN, True),
        ("case", "faulted", "TRANSITION", None, True),
    ],
)
def test_what_makes_no_task(
    subject_type: str, action: str, kind: str, compensation: Any, *, expected: bool
) -> None:
    change = Change(
        ID, subject_type, ID, 1, action, ActorRef(ID, "SYSTEM", "system"), "",
        kind=kind, compensation=compensation,
    )  # fmt: skip
    assert concerns_somebody(change) is expected


@pytest.mark.parametrize(
    ("action", "compensation", "expected"),
    [
        ("failed", None, (False, True)),
        ("rejected", None, (False, True)),
        ("compensation_started", ALONE, (False, True)),
        ("compensation_withdrawn", ALONE, (False, True)),
        ("compensation_abandoned", IN_A_RUN, (False, True)),
        ("compensation_completed", IN_A_RUN, (False, True)),
        ("compensation_faulted", IN_A_RUN, (False, True)),
        ("compensation_completed", ALONE, (True, True)),
        ("deadline_missed", None, (True, True)),
        ("created", None, (True, True)),
    ],
)
def test_what_makes_a_task_only_where_somebody_looks_on(
    action: str, compensation: Any, expected: tuple[bool, bool]
) -> None:
    found = tuple(
        concerns_somebody(
            Change(
                ID, "work_item", ID, 1, action, ActorRef(ID, "SYSTEM", "system"), "",
                compensation=compensation, watched=watched,
            )
        )
        for watched in (False, True)
    )  # fmt: skip
    assert found == expected
