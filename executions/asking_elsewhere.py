"""The program by which another tenant is asked to undo something: no worker of ours does it.

It is WAITING from the start. What it asks, and how the answer comes back, is carried by the news of
it and of the request that it became there.
"""

from __future__ import annotations

from typing import Any

from compensation.events import ANSWERS
from compensation.remote import ASK
from executions import capability_registry
from executions.lifecycle import ExecutionStatus

#: What a row of `remote` keeps beside tenant, type and id: hashes of entries of the other, hex, and
#: the word by which the request ended.
REQUEST, ANSWER, OUTCOME = "request", "answer", "outcome"

#: What only notes on the undo what has been carried.
_NOTES = frozenset({"asked_elsewhere", "answered_elsewhere", "answered_too_late"})


def register() -> None:
    """Register it as what an agent does. It is asked for by undos alone."""
    capability_registry.agent_capability(
        ASK,
        input_schema={
            "type": "object",
            "required": ["tenant", "type", "id"],
            "properties": {
                "tenant": {"type": "string"},
                "type": {"type": "string"},
                "id": {"type": "string"},
                "strategy": {"enum": ["restore", "correct"]},
            },
            "additionalProperties": False,
        },
        output_schema={"type": "object", "required": [OUTCOME, REQUEST, ANSWER]},
        reversibility="not_needed",
        category="undo",
        description="Asks another organisation to undo what this stands for, and waits for it.",
    )


def heard(row: Any, action: str) -> bool:
    """Whether what is recorded about an execution has to be carried to another tenant: it is an
    undo that begins to wait for one, or waits no more."""
    if row.capability != ASK or action in _NOTES:
        return False
    waits = row.status == ExecutionStatus.WAITING
    # What was asked for and answered there need not be called back; nor what was never asked for.
    return waits or OUTCOME not in (row.remote or {})


def said_of(row: Any, action: str, said: dict[str, Any]) -> dict[str, Any]:
    """Return what entries of an execution say, with what those of such an undo say beside: the
    hashes of the other's entries, and who carries the news."""
    if row.capability != ASK:
        return said
    known = {name: row.remote[name] for name in (REQUEST, ANSWER) if name in (row.remote or {})}
    block = {**(said.get("compensation") or {}), **({"foreign": known} if known else {})}
    heard_by = (*said.get("heard_by", ()), ANSWERS) if heard(row, action) else None
    return {
        **said,
        **({"compensation": block} if block else {}),
        **({"heard_by": heard_by} if heard_by else {}),
    }
