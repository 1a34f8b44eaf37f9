"""The chain of who was asked to take an item over, as the item keeps it. Pure."""

from __future__ import annotations

from typing import Any

from workitems.models import WorkItem

ACCEPTED, DECLINED, ENDED = "accepted", "declined", "ended"
#: How a delegation may have been answered; "" while it is not.
ANSWERS = ("", ACCEPTED, DECLINED, ENDED)


def answer_delegation(item: WorkItem, answer: str) -> dict[str, Any]:
    """Note how the newest delegation ended, and return it; empty where none is open."""
    if not item.delegations or item.delegations[-1]["answer"]:
        return {}
    newest = {**item.delegations[-1], "answer": answer}
    item.delegations = [*item.delegations[:-1], newest]
    return newest
