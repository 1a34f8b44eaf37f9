"""May an outcome be given, with this result of this item? Conditions are jq, said by its author.

What a condition is asked about, `{payload, resolution}` and in a case its context (`case`), is read
by whoever holds the tenant's scope; it is evaluated as all jq is, by a verb without locks
(`verbs.answered_outside`). An item without conditions asks nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from json_values.jq.evaluation import ExpressionFailed, Json, truthy
from ledger.dispatch.consumer_registry import Trouble
from ledger.errors import Invalid
from verbs.subject import known
from workitems.condition_words import words_of
from workitems.models import WorkItem
from workitems.words import said_outcome

_CASE = "case"
Question = tuple[str, Json]


def question_of(item: WorkItem, outcome: Any, resolution: Any) -> Question | None:
    """Return the condition of an outcome, with what it is asked about; None where it has none."""
    return questions_of(item, [outcome], resolution).get(str(outcome))


def questions_of(item: WorkItem, outcomes: Iterable[Any], resolution: Any) -> dict[str, Question]:
    """Return the conditions of those outcomes that have one, in the same way, by their names."""
    found = {
        each: when
        for each in outcomes
        if isinstance(each, str) and (when := item.outcome_rules.get(each, {}).get("when"))
    }
    if not found:
        return {}
    value = {"payload": item.payload, "resolution": resolution, **_context(item)}
    return {each: (when, value) for each, when in found.items()}


def check_answered(item: WorkItem, outcome: str, question: Question) -> None:
    """Raise Invalid unless the condition of an outcome is true."""
    try:
        if truthy(*question):
            return
        message = _not_met(item, outcome, question[0])
    except ExpressionFailed as failed:
        if failed.code == "unavailable":
            raise Trouble(str(failed)) from failed
        message = f"{_not_met(item, outcome, question[0])} ({failed.detail})"
    raise Invalid.field("/outcome", message, code="outcome_condition")


def _not_met(item: WorkItem, outcome: str, when: str) -> str:
    """Say what an outcome is given for in people's words; the expression is the item's `when`."""
    said = {"outcome": said_outcome(item, outcome), "condition": words_of(when)}
    if said["condition"]:
        return _("“%(outcome)s” may be given only where %(condition)s.") % said
    return _("“%(outcome)s” may be given only under a condition, which is not met.") % said


def check_condition(item: WorkItem, outcome: Any, resolution: Any) -> None:
    """Raise Invalid unless the condition of an outcome, where it has one, is true."""
    question = question_of(item, outcome, resolution)
    if question is not None:
        check_answered(item, outcome, question)


def _context(item: WorkItem) -> Mapping[str, Json]:
    kind = known(_CASE)
    if kind is None or item.case_id is None:
        return {}
    case = kind.read_many(item.tenant_id, [item.case_id]).get(item.case_id)
    return {} if case is None else {_CASE: case.context}
