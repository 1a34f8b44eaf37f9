"""Times as other engines' authors write them, put into the form that is read, in place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from cases.definitions.relations import maps_at
from cases.definitions.written import BINDINGS

_WEEKS: Final = re.compile(r"P([0-9]{1,4})W")
_SECONDS: Final = re.compile(
    r"P(?:(?P<days>[0-9]{1,5})D)?T(?:(?P<hours>[0-9]{1,6})H)?(?:(?P<minutes>[0-9]{1,8})M)?"
    r"(?P<seconds>[0-9]{1,9})(?:\.[0-9]{1,9})?S"
)
#: A number and a unit.
_SHORT: Final = re.compile(r"([0-9]{1,6}) ?([dhms])")
_IN_FULL: Final = {"d": "P{}D", "h": "PT{}H", "m": "PT{}M", "s": "PT{}S"}
_PLACES: Final = (
    (f"{BINDINGS}/humanTask", "expiresIn"),
    (f"{BINDINGS}/judgment", "expiresIn"),
    (f"{BINDINGS}/on/schedule", "every"),
    ("/spec/milestones/*", "slaDuration"),
    ("/spec/milestones/*/sla", "duration"),
)
#: In a list of weekdays: a number that is no step and no week.
_WEEKDAY: Final = re.compile(r"(?<![/#0-9])[1-7]")
_ROUNDED: Final = "{0} {1} is read as {2}: nothing here is that exact"


def other_times(data: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Weeks are days; seconds are too short for anything here, and become the next minute; a cron
    expression with a field for them has five."""
    for place, word in _PLACES:
        for pointer, holder in maps_at(data, place):
            text = holder.get(word)
            if not isinstance(text, str):
                continue
            short = _SHORT.fullmatch(text.strip())
            if short:
                holder[word] = text = _IN_FULL[short[2]].format(int(short[1]))
            weeks, fine = _WEEKS.fullmatch(text), _SECONDS.fullmatch(text)
            if weeks:
                holder[word] = f"P{7 * int(weeks[1])}D"
            elif fine:
                holder[word] = _to_the_minute(fine)
                said = _ROUNDED.format(word, text, holder[word])
                yield "rounded", f"{pointer}/{word}", said
    for pointer, schedule in maps_at(data, f"{BINDINGS}/on/schedule"):
        yield from _cron(pointer, schedule)


def _to_the_minute(found: re.Match[str]) -> str:
    minutes = int(found["minutes"] or 0) + -(-int(found["seconds"]) // 60)
    days = f"{found['days']}D" if found["days"] else ""
    hours = f"{found['hours']}H" if found["hours"] else ""
    return f"P{days}T{hours}{max(1, minutes)}M"


def _cron(pointer: str, schedule: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Take seconds away, and a year that is any; where no day is said by a question mark, weekdays
    count from 1, which is Sunday."""
    text = schedule.get("cron")
    fields = text.split() if isinstance(text, str) else []
    if len(fields) not in {6, 7} or fields[6:] not in ([], ["*"]):
        return
    seconds, minute, hour, day, month, weekday = fields[:6]
    if "?" in {seconds, minute, hour, month}:
        # There a year is the sixth and seconds are missing: nothing is taken for something else.
        return
    if "?" in fields or len(fields) == 7:  # noqa: PLR2004  -- a year is the seventh
        weekday = _WEEKDAY.sub(lambda number: str(int(number[0]) - 1), weekday)
    days = ("*" if each == "?" else each for each in (day, month, weekday))
    schedule["cron"] = " ".join([minute, hour, *days])
    if seconds != "0":
        yield "rounded", f"{pointer}/cron", _ROUNDED.format("cron", text, schedule["cron"])
