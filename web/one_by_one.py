"""The same done to one thing after another, each in a transaction of its own.

What one of them is refused for concerns no other. Where a part of this system does not answer, the
rest is not tried: each of them might wait as long, for nothing. What was done before stays done, so
nobody may then be told that nothing was changed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from django.db import DatabaseError, InterfaceError
from django_fsm import TransitionNotAllowed

from ledger.dispatch.consumer_registry import Trouble
from ledger.errors import Refusal
from web.problems import Problem, illegal_move, problem_of

Key = TypeVar("Key")
Result = TypeVar("Result")
#: What may mean that the database, or a part beside it, does not answer: `problem_of` knows.
MAY_PASS = (DatabaseError, InterfaceError, Trouble)


@dataclasses.dataclass(slots=True)
class Results(Generic[Key, Result]):
    """What became of each: done, refused, or left as it was because of `trouble`."""

    done: dict[Key, Result] = dataclasses.field(default_factory=dict)
    refused: dict[Key, Refusal] = dataclasses.field(default_factory=dict)
    left: Sequence[Key] = ()
    trouble: Problem | None = None


def one_by_one(keys: Sequence[Key], do: Callable[[Key], Result]) -> Results[Key, Result]:
    """Do it to each. Raises what a part of this system did not answer while nothing was done."""
    results: Results[Key, Result] = Results()
    for place, key in enumerate(keys):
        try:
            results.done[key] = do(key)
        except Refusal as refusal:
            results.refused[key] = refusal
        except TransitionNotAllowed as error:
            results.refused[key] = illegal_move(error)
        except MAY_PASS as error:
            results.trouble = problem_of(error)
            if results.trouble is None or not results.done:
                raise
            results.left = keys[place:]
            break
    return results
