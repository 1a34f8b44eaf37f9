"""Undoing finished work: see `verbs`."""

from __future__ import annotations

from compensation.actions.attempts import attempts_of, last_attempt, open_attempt
from compensation.actions.undo import (
    abandon,
    attest,
    begin,
    retry,
    settle,
    settle_undo,
    withdraw,
)
from compensation.subject import (
    CompensableKind,
    Opened,
    Original,
    compensation_block,
    finished_entry,
    kind_of,
    kind_of_row,
    lock_pair,
    register_kind,
    register_opener,
)

__all__ = [
    "CompensableKind",
    "Opened",
    "Original",
    "abandon",
    "attempts_of",
    "attest",
    "begin",
    "compensation_block",
    "finished_entry",
    "kind_of",
    "kind_of_row",
    "last_attempt",
    "lock_pair",
    "open_attempt",
    "register_kind",
    "register_opener",
    "retry",
    "settle",
    "settle_undo",
    "withdraw",
]
