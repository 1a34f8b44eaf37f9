"""What a task asks of the context when it is opened: its title, and when it is due."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django.utils.translation import gettext as _

from cases.definitions import ExpressionFailed, HumanTask
from cases.definitions.readers import MAX_LIST
from cases.definitions.targets import MAX_TITLE
from json_values.characters import fault_of_line
from json_values.moments import NotAMoment, checked, read_moment
from ledger.clock import now
from ledger.durations import format_duration, parse_duration
from ledger.errors import Invalid

_Read = TypeVar("_Read")
Said = Mapping[str, Any]


def title_asked(task: HumanTask, said: Said) -> str:
    """Return the title of a task that is opened now. Raises Invalid and ExpressionFailed."""
    return _asked(said, "title_expression", "titleExpression", _title) or task.title


def asking(task: HumanTask, said: Said) -> HumanTask:
    """Return the task with the candidates that the context names. Raises Invalid, also where it
    names nobody: a task for certain people must not become one for anybody."""
    found = {
        field: names
        for field, word in (
            ("candidate_groups", "candidateGroups"),
            ("candidate_users", "candidateUsers"),
        )
        if (names := _asked(said, f"{field}_expression", word, _names)) is not None
    }
    wanted = task.candidate_groups_expression or task.candidate_users_expression
    if not wanted:
        return task
    asked = task.model_copy(update=found)
    if not asked.candidate_groups and not asked.candidate_users:
        raise Invalid.field("/candidateGroups", _("The context names nobody who may do it."))
    return asked


def due_asked(task: HumanTask, said: Said) -> dt.datetime | None:
    """Return when a task that is opened now is due: at the earliest that it says, apart from its
    deadlines. What an expression finds nothing for is no deadline. Raises the same."""
    length = _asked(said, "expires_in_expression", "expiresInExpression", _length)
    moment = _asked(said, "expires_at_expression", "expiresAtExpression", read_moment)
    found = [moment] if moment is not None else []
    try:
        found += [checked(now() + each) for each in (task.expires_in, length) if each]
    except (OverflowError, NotAMoment):
        raise Invalid.field("/expiresIn", _("It is due beyond the calendar.")) from None
    return min(found, default=None)


def deadlines_said(task: HumanTask) -> dict[str, Any] | None:
    """Return the deadlines of a task, with that of its being taken where that is said in hours."""
    if task.claim_deadline_hours is None:
        return task.deadlines
    # To the minute, which is what lengths are said in here.
    within = dt.timedelta(minutes=max(1, round(task.claim_deadline_hours * 60)))
    return {**(task.deadlines or {}), "claim": {"within": format_duration(within)}}


def _asked(said: Said, name: str, word: str, read: Callable[[Any], _Read]) -> _Read | None:
    """Return what an expression says, None where it is not there or finds nothing."""
    value = said.get(name)
    if isinstance(value, ExpressionFailed):
        raise value
    if value is None:
        return None
    try:
        return read(value)
    except ValueError as wrong:
        words = _("%(word)s gives what cannot be used: %(why)s")
        raise Invalid.field(f"/{name}", words % {"word": word, "why": wrong}) from None


def _names(value: object) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise ValueError("candidates are a name, or a list of names")
    for name in names:
        fault = fault_of_line(name.strip())
        if fault is not None:
            raise ValueError(f"a name is a line of text. {fault[1]}")
    if len(names) > MAX_LIST:
        raise ValueError(f"at most {MAX_LIST} candidates can be named")
    return tuple(dict.fromkeys(name.strip() for name in names))


def _title(value: object) -> str:
    text = value.strip() if isinstance(value, str) else ""
    fault = fault_of_line(text)
    if fault is not None:
        raise ValueError(f"a title is a line of text. {fault[1]}")
    return text[:MAX_TITLE]


def _length(value: object) -> dt.timedelta:
    if not isinstance(value, str):
        raise ValueError("a duration is a text such as PT24H")  # noqa: TRY004  -- one kind is caught
    return parse_duration(value)
