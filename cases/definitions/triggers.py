"""What starts a step beside a change of the context: a signal to its case, an event from outside, a
moment that comes."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, AliasChoices, Field, model_validator

from cases.definitions.readers import Jq, Name, Part, Refused, Text
from compensation.policy import Duration
from workitems.schedules.cron_times import LONGEST, CronError, check_cron

#: By what name a step sees what has started it, laid over the context of its case.
Heard = Literal["signal", "event", "schedule"]
HEARD: Final[tuple[Heard, ...]] = ("signal", "event", "schedule")
#: The least time between two moments of a step.
_LEAST: Final = dt.timedelta(minutes=1)


def _cron(text: str) -> str:
    try:
        check_cron(text)
    except CronError as wrong:
        raise Refused(f"cron {text!r} {wrong}") from None
    return text


def _zone(name: str) -> str:
    try:
        zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise Refused(f"timezone {name!r} is not known, such as Europe/Lisbon") from None
    return name


def _apart(every: dt.timedelta) -> dt.timedelta:
    if every < _LEAST:
        raise Refused("every must be a minute at least")
    return every


class SignalTrigger(Part):
    """A signal of this name, sent to the case."""

    name: Name


class EventTrigger(Part):
    """An event from outside, as CloudEvents call its attributes. What is not said, any is right.

    `filter` is asked of the event, which has the case beside its attributes.
    """

    type: Text
    source: Text | None = None
    subject: Text | None = None
    filter: Jq | None = None


class ScheduleTrigger(Part):
    """Moments since the case was opened: those of a cron expression in a time zone, or one after
    the other, so far apart."""

    cron: Annotated[Text, Field(max_length=LONGEST), AfterValidator(_cron)] | None = None
    every: Annotated[Duration, AfterValidator(_apart)] | None = None
    timezone: Annotated[Text, AfterValidator(_zone)] = Field(
        default="UTC", validation_alias=AliasChoices("timezone", "timeZone")
    )

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.cron is None) == (self.every is None):
            raise Refused("exactly one of cron and every is required")
        return self
