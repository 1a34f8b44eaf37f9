"""The closed vocabulary of the ledger: kinds, subject types, actor types, and declared actions.

The actions are words of the apps above: each owner declares at start what it records about a type
of subject. What nobody declared for that type cannot be recorded, so a new event can never slip
past the ledger unnamed. Free words belong in payloads, not in actions.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, get_args

#: Kinds of entry whose payloads may go by their age.
Prunable = Literal[
    "TRANSITION", "COMPENSATION", "REFUSAL", "GOVERNANCE", "MESSAGE", "ATTESTATION", "ADMIN",
    "DELIVERY",
]  # fmt: skip
#: What an erasure was, and what was pruned, is told for ever.
KINDS: Final = frozenset({*get_args(Prunable), "ERASURE"})
SUBJECT_TYPES: Final = frozenset(
    "work_item execution batch case compensation_run approval compensation_request recall"
    " tenant actor channel commitment webhook_endpoint".split()
)
ACTOR_TYPES: Final = frozenset({"HUMAN", "AGENT", "SYSTEM"})

_actions: dict[str, set[str]] = {}
_lasting: set[tuple[str, str]] = set()


def declare(subject_type: str, actions: Iterable[str]) -> None:
    """Say what can be recorded about a type of subject. Called in `AppConfig.ready()`.

    Several apps may declare for one type, and one action twice. Raises ValueError for a type that
    the ledger does not know.
    """
    if subject_type not in SUBJECT_TYPES:
        raise ValueError(f"{subject_type!r} is no subject type of the ledger")
    _actions.setdefault(subject_type, set()).update(actions)


def withdraw(subject_type: str, actions: Iterable[str]) -> None:
    """Take declared actions back: for what is only there for a while."""
    _actions.get(subject_type, set()).difference_update(actions)


def declare_lasting(subject_type: str, actions: Iterable[str]) -> None:
    """Say that what entries of these actions keep is evidence that nothing else holds: no policy of
    retention prunes it. Called in `AppConfig.ready()`, after `declare`.

    Raises ValueError for an action that nobody declared for that type.
    """
    for action in actions:
        if not is_declared(subject_type, action):
            raise ValueError(f"{action!r} is no action of {subject_type!r}")
        _lasting.add((subject_type, action))


def lasting_actions() -> list[tuple[str, str]]:
    """Return the types of subjects and actions of which what entries keep is never pruned."""
    return sorted(_lasting)


def is_declared(subject_type: str, action: str) -> bool:
    """Whether an action can be recorded about a type of subject."""
    return action in _actions.get(subject_type, ())


def actions_of(subject_type: str) -> frozenset[str]:
    """Return the actions declared so far for one type of subject."""
    return frozenset(_actions.get(subject_type, ()))


def all_actions() -> frozenset[str]:
    """Return the actions declared so far, whatever they are about."""
    return frozenset[str]().union(*_actions.values())
