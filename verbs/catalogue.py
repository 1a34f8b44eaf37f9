"""Every verb there is. API, OpenAPI, buttons, forms, docs and offers are made from it."""

from __future__ import annotations

import dataclasses
import inspect
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from accounts.acting import Authority
from verbs.input import Input, Nothing
from verbs.operation import Operation
from verbs.shell import Changed, Verb, VerbContext
from verbs.subject import Subject

Row = TypeVar("Row")
Given = TypeVar("Given", bound=Input)
Result = TypeVar("Result")
WRONG_STATE = "wrong_state"
#: The code of the refusal for it.
ILLEGAL_STATE = "illegal_state"
_catalogue: dict[tuple[str, str], Verb[Any]] = {}


@dataclasses.dataclass(frozen=True, slots=True)
class Offer:
    """One verb as it stands for one person and one row. `reason` is a code, "" when allowed.

    `wrong_state`: the row's status rules it out, whoever asks; pages leave it out then. It is said
    apart, because the reason is another one for those who may not do it in any status. `absent_id`:
    in whose place it is allowed, None where somebody may do it for themselves.
    """

    action: str
    allowed: bool
    reason: str = ""
    wrong_state: bool = False
    absent_id: uuid.UUID | None = None


def declare(verb: Verb[Result]) -> Verb[Result]:
    """Put a verb into the catalogue. Raises ValueError for one that cannot be there."""
    place = (verb.subject_type, verb.name)
    if place in _catalogue:
        raise ValueError(f"{place} is declared twice")
    if not verb.route and not verb.no_route:
        verb = dataclasses.replace(verb, route=verb.name)
    if not verb.page and not verb.no_button:
        raise ValueError(f"{place} has no button and does not say why")
    _catalogue[place] = verb
    return verb


def withdraw(verb: Verb[Any]) -> None:
    """Take a verb out again: for what is only there for a while."""
    _catalogue.pop((verb.subject_type, verb.name), None)


def transition(
    subject_type: str, operation: Operation, *, given: type[Input] = Nothing, **how: Any
) -> Callable[[Callable[[Row, Given, VerbContext], Changed | None]], Verb[Row]]:
    """Declare a verb that moves its row by the operation's FSM method; `how`: members of `Verb`.

    The function says what changes beside the status. Its docstring is the verb's description.
    """
    return _declaring(subject_type=subject_type, operation=operation, input=given, **how)


def verb(
    subject_type: str, operation: Operation, *, given: type[Input] = Nothing, **how: Any
) -> Callable[[Callable[[Row, Given, VerbContext], Result]], Verb[Result]]:
    """Declare a verb whose function does all of it, moves included, and returns the result."""
    return _declaring(
        subject_type=subject_type, operation=operation, input=given, transitions=False, **how
    )


def _declaring(**how: Any) -> Callable[[Callable[..., Any]], Verb[Any]]:
    def declared(function: Callable[..., Any]) -> Verb[Any]:
        return declare(Verb(function=function, description=inspect.getdoc(function) or "", **how))

    return declared


def all_verbs() -> list[Verb[Any]]:
    """Return every verb, in the order of declaration."""
    return list(_catalogue.values())


def verbs_of(subject_type: str) -> list[Verb[Any]]:
    """Return the verbs of one kind of thing, in the order of declaration."""
    return [each for each in _catalogue.values() if each.subject_type == subject_type]


def find(subject_type: str, name: str) -> Verb[Any]:
    """Return one verb. Raises KeyError for one that is not declared."""
    return _catalogue[subject_type, name]


def offers(subject: Subject, row: Any, authority: Authority, facts: Any) -> list[Offer]:
    """Return every verb that can be reached for `row` as it stands for this person.

    It is asked in the order in which the shell refuses: right first, then state.
    """
    found = []
    for each in verbs_of(subject.subject_type):
        # Where a guard decides, the row alone cannot tell: nothing is promised.
        if each.creates or each.beside or each.no_route or each.guard is not None:
            continue
        state = _code(each, row, facts, authority)
        denied, standing = each.standing(row, authority, facts)
        reason = denied or state
        absent = None if standing.absent is None else standing.absent.actor_id
        found.append(Offer(each.name, not reason, reason, state == WRONG_STATE, absent))
    return found


def offers_of(
    subject: Subject,
    rows: Sequence[Any],
    authority: Authority,
    *,
    facts: Mapping[Any, Any] | None = None,
) -> dict[Any, list[Offer]]:
    """Return the offers of many rows, by id: facts are read in bulk, unless the caller has them."""
    facts = subject.facts(rows) if facts is None else facts
    return {row.pk: offers(subject, row, authority, facts.get(row.pk)) for row in rows}


def offers_json(found: Iterable[Offer]) -> list[dict[str, Any]]:
    """Return `available_actions`; `reason` is null where the action is allowed."""
    return [
        {"action": each.action, "allowed": each.allowed, "reason": each.reason or None}
        for each in found
    ]


def _code(each: Verb[Any], row: Any, facts: Any, authority: Authority) -> str:
    refusal = each.refusal(row, facts, None) or each.out_of_turn(row, authority)
    if refusal is None:
        return ""
    return WRONG_STATE if refusal.code == ILLEGAL_STATE else refusal.code
