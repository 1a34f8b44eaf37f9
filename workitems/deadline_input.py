"""Deadlines as people say them: by when, in which working time, and what follows when missed.

WS-HumanTask 1.1 §4.6 (deadlines and escalations). A deadline is a moment, a length of time since
the item was opened, or a length of working time in a calendar.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Annotated, Any, Literal, Self

import holidays
from pydantic import AfterValidator, Field, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from accounts.actions import ZONES
from compensation.policy import Duration
from json_values.moments import read_day
from ledger.durations import DURATION
from verbs.input import Input, Moment, Name
from workitems.working_time import (
    MOST_HOLIDAYS,
    MOST_RANGES,
    WorkingCalendar,
    days_of_events,
    range_of,
    week_of,
    working_length,
)

MOST_STEPS = 10
MOST_GROUPS = 10
MAX_ICALENDAR = 64 * 1024
#: Time that is given for longer than that is no deadline any more.
LONGEST = dt.timedelta(days=366)
_GIVES_TIME = ("reassign", "extend")
_ENDS = ("expire", "escalate")


def _refuse(message: str, code: Literal["unsupported", "unknown"] = "unsupported") -> Exception:
    return PydanticCustomError(code, "{message}", {"message": message})


def _checked(
    parse: Callable[[str], object], code: Literal["unsupported", "unknown"] = "unsupported"
) -> AfterValidator:
    """Refuse a text that `parse` cannot read, in its words."""

    def check(text: str) -> str:
        try:
            parse(text)
        except ValueError as wrong:
            raise _refuse(str(wrong), code) from None
        return text

    return AfterValidator(check)


def _zone(name: str) -> None:
    if name not in ZONES:
        raise ValueError(f"no time zone is called {name!r}")


def _day(text: str) -> None:
    try:
        read_day(text)
    except ValueError:
        raise ValueError("must be a day, as in 2026-12-25") from None


def _country(code: str) -> None:
    if code not in holidays.list_supported_countries():
        raise ValueError(f"no holidays are known for {code!r}")


def _length(text: str) -> None:
    length = working_length(text)
    if not length.days and not length.clock:
        raise ValueError("must be longer than nothing")
    if dt.timedelta(days=length.days) + length.clock > LONGEST:
        raise ValueError(f"must be at most P{LONGEST.days}D")


_Shown = WithJsonSchema
# Kept as it was said: a day of working time is not 24 hours of it.
_Length = Annotated[
    str, Field(max_length=40), _checked(_length), _Shown({"type": "string", "pattern": DURATION})
]
_Text = Field(max_length=100)
_Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_Range = Annotated[str, _Text, _checked(range_of)]
_Ranges = Annotated[list[_Range], Field(max_length=MOST_RANGES)]
_Day = Annotated[
    str, Field(max_length=10), _checked(_day), _Shown({"type": "string", "format": "date"})
]


class Calendar(Input):
    """When people work: a zone, hours of the week, and days on which nobody does.

    `country` and `subdivision` bring public holidays; `icalendar` is a text whose events are days
    off (RFC 5545).
    """

    zone: Annotated[str, _Text, _checked(_zone, "unknown")]
    hours: dict[_Weekday, _Ranges]
    holidays: Annotated[list[_Day], Field(max_length=MOST_HOLIDAYS)] = []
    country: Annotated[str, _Text, _checked(_country, "unknown")] | None = None
    subdivision: Annotated[str, _Text] | None = None
    icalendar: Annotated[str, Field(max_length=MAX_ICALENDAR), _checked(days_of_events)] | None = (
        None
    )

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        known = holidays.list_supported_countries().get(self.country or "", ())
        if self.subdivision is not None and self.subdivision not in known:
            raise _refuse(
                f"subdivision: {self.country or 'no country'} has no {self.subdivision!r}"
            )
        try:
            calendar = self.calendar()
        except ValueError as wrong:
            raise _refuse(f"hours: {wrong}") from None
        if len(calendar.closed) > MOST_HOLIDAYS:
            raise _refuse(f"holidays: must be at most {MOST_HOLIDAYS} days")
        return self

    def calendar(self) -> WorkingCalendar:
        """Return it to be reckoned with."""
        return WorkingCalendar(
            zone=self.zone,
            hours=week_of(
                {name: [range_of(each) for each in said] for name, said in self.hours.items()}
            ),
            closed=frozenset(
                {*map(dt.date.fromisoformat, self.holidays)}
                | (days_of_events(self.icalendar) if self.icalendar else set())
            ),
            country=self.country or "",
            subdivision=self.subdivision or "",
        )


class Step(Input):
    """What happens when a deadline is missed; the next step follows at once, or `by` later.

    `notify` tells whoever has it and the operators. `reassign` takes it from whoever has it and
    lets the members of `groups` take it. `extend` gives more time. `expire` and `escalate` end it.
    """

    do: Literal["notify", "reassign", "extend", "expire", "escalate"]
    groups: Annotated[list[Name], Field(max_length=MOST_GROUPS)] = []
    by: _Length | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.do in _GIVES_TIME and not self.by:
            raise _refuse(f"by: {self.do} needs to say how much time that gives")
        if self.by is not None and self.do not in _GIVES_TIME:
            raise _refuse(f"by: {self.do} gives no time")
        if (self.do == "reassign") != bool(self.groups):
            raise _refuse("groups: those of a reassign, and of no other step")
        return self


class Limit(Input):
    """One deadline: the moment `at`, or so much time since the item was opened, `within` (as the
    clock goes) or `working` (as the calendar is open). `breach` is what happens when it is missed,
    step by step; after the last one that gave time the item is escalated.
    """

    at: Moment | None = None
    within: Duration | None = None
    working: _Length | None = None
    breach: Annotated[list[Step], Field(min_length=1, max_length=MOST_STEPS)] = [Step(do="notify")]

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        said = [each for each in (self.at, self.within, self.working) if each is not None]
        if len(said) != 1 or not said[0]:
            raise _refuse("one of at, within and working says when")
        for number, step in enumerate(self.breach):
            if step.do in _ENDS and number + 1 < len(self.breach):
                raise _refuse(f"breach/{number}: nothing follows after {step.do}")
        return self


class Deadlines(Input):
    """By when an item is to be taken, begun and done, and when somebody looks after it again.

    `on_hold`: whether the clock stops while the item is on hold (`pause`) or runs on (`keep`); in
    neither case anything happens before it goes on.
    """

    claim: Limit | None = None
    start: Limit | None = None
    completion: Limit | None = None
    follow_up: Limit | None = None
    calendar: Calendar | None = None
    on_hold: Literal["pause", "keep"] = "pause"

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        limits = [self.claim, self.start, self.completion, self.follow_up]
        if self.calendar is None and any(each and each.working for each in limits):
            raise _refuse("calendar: working time needs one")
        if self.follow_up and any(step.do != "notify" for step in self.follow_up.breach):
            raise _refuse("follow_up/breach: a follow-up only tells people; use notify")
        return self


def as_json(limit: Limit) -> list[dict[str, Any]]:
    """Return the steps of a deadline as rows keep them."""
    return [step.model_dump(mode="json", exclude_defaults=True) for step in limit.breach]
