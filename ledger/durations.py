"""ISO 8601 durations as Amends understands them: days, hours and minutes, nothing else.

A day is 24 hours, whatever clocks do in between. Years and months have no fixed length, so they
are refused rather than guessed; weeks and seconds are refused because no deadline here needs them
and a second spelling of the same length would make equal policies look different.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

#: The longest duration accepted: a hundred years of 365 days, far below what `timedelta` holds.
LONGEST: Final = timedelta(days=36_500)

#: An error quotes this much of a text.
SHOWN_CHARACTERS: Final = 40

_SHAPE: Final = re.compile(
    r"P(?:(?P<days>[0-9]{1,6})D)?(?:T(?:(?P<hours>[0-9]{1,7})H)?(?:(?P<minutes>[0-9]{1,9})M)?)?"
)
#: The same for descriptions (JSON Schema), for lengths that are short enough for certain.
_CLOCK = "T(?:[0-9]{1,5}H(?:[0-9]{1,6}M)?|[0-9]{1,6}M)"
DURATION: Final = f"^P(?:[0-9]{{1,4}}D(?:{_CLOCK})?|{_CLOCK})$"
_MINUTE: Final = timedelta(minutes=1)


class DurationError(ValueError):
    """The text is not a duration that Amends accepts; the message names the broken rule."""


def parse_duration(text: str) -> timedelta:
    """Read an ISO 8601 duration of days, hours and minutes, such as `P30D`, `PT48H` or `P1DT12H`.

    Raises `DurationError` for anything else; years, months, weeks, seconds, fractions and signs
    are refused by name.
    """
    match = _SHAPE.fullmatch(text)
    if match is None or text.endswith(("P", "T")):
        raise DurationError(_why_refused(text))
    length = timedelta(
        days=int(match["days"] or 0),
        hours=int(match["hours"] or 0),
        minutes=int(match["minutes"] or 0),
    )
    if length > LONGEST:
        raise DurationError(f"the duration {text!r} is longer than {LONGEST.days} days")
    return length


def format_duration(value: timedelta) -> str:
    """Write a duration in its one canonical form, such as `P1DT12H`; zero is `PT0M`.

    Raises `ValueError` if the value is negative or not a whole number of minutes.
    """
    if value < timedelta(0) or value % _MINUTE:
        raise ValueError(f"{value!r} is not a whole, non-negative number of minutes")
    hours, minutes = divmod(value.seconds // 60, 60)
    days = f"{value.days}D" if value.days else ""
    clock = (f"{hours}H" if hours else "") + (f"{minutes}M" if minutes else "")
    if not days and not clock:
        return "PT0M"
    return f"P{days}{'T' + clock if clock else ''}"


def _why_refused(text: str) -> str:
    """Say which rule the text breaks, most specific first."""
    shown = text[:SHOWN_CHARACTERS]
    if text.startswith(("-", "+")):
        return f"the duration {shown!r} has a sign; write it without one"
    date_part, _, time_part = text.removeprefix("P").partition("T")
    if text.startswith("P"):
        for letter, part, unit, instead in (
            ("Y", date_part, "years", "days"),
            ("M", date_part, "months", "days (minutes come after a T)"),
            ("W", date_part, "weeks", "days"),
            ("S", time_part, "seconds", "minutes"),
        ):
            if letter in part:
                return f"the duration {shown!r} uses {unit}; write it in {instead}"
        if "." in text or "," in text:
            return f"the duration {shown!r} has a fraction; write whole numbers"
    return f"{shown!r} is not a duration of days, hours and minutes such as P30D, PT48H or PT15M"
