"""The deadlines of an item as its row keeps them, and the clocks that run for them. Pure.

An item keeps `limits`, by name: when each is `due_at` (null: nothing happens any more), how many of
its steps were taken, and whether it counts in working time; besides the `calendar`, what a hold
does to the clock (`on_hold`), and, while it is on hold, since when (`held_at`). For each limit that
still runs there is a row of `Deadline`, which falls due then; on hold, and after the end, none.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Any

from json_values.moments import BEYOND, NotAMoment, checked
from ledger.clock import now, rfc3339
from ledger.durations import parse_duration
from workitems.deadline_input import Deadlines, Limit, as_json
from workitems.lifecycle import NOT_STARTED, Kind, Status
from workitems.models import Deadline, WorkItem
from workitems.working_time import (
    NeverOpen,
    WorkingCalendar,
    stored_calendar,
    working_length,
)

#: The deadlines that an item can have, in the order in which they should be met.
NAMES = ("claim", "start", "completion", "follow_up")
CLAIM, START, COMPLETION, FOLLOW_UP = NAMES
_NONE: Mapping[str, Any] = {"due_at": None}
_LAST = BEYOND - dt.timedelta(microseconds=1)
_ESCALATE = {"do": "escalate"}


def kept(said: Deadlines, opened_at: dt.datetime) -> dict[str, Any]:
    """Return what an item opened at a moment keeps of its deadlines; empty where it has none.

    Raises NeverOpen for working time that does not come, NotAMoment for one beyond the calendar.
    """
    calendar = said.calendar.calendar() if said.calendar else None
    limits = {
        name: _limit(limit, opened_at, calendar)
        for name in NAMES
        if (limit := getattr(said, name)) is not None
    }
    if not limits:
        return {}
    found: dict[str, Any] = {"limits": limits, "on_hold": said.on_hold}
    return {**found, "calendar": calendar.to_json()} if calendar else found


def due_at_the_earliest(
    found: dict[str, Any], due_at: dt.datetime | None
) -> tuple[dict[str, Any], dt.datetime | None]:
    """Return what an item keeps of its deadlines, and when it is due, where something else says so
    too: the earliest of both counts for both."""
    limit = found.get("limits", {}).get(COMPLETION)
    moment = moment_of(limit) if limit else None
    if moment is None or due_at is None:
        return found, moment or due_at
    earliest = min(moment, due_at)
    limits = {**found["limits"], COMPLETION: {**limit, "due_at": rfc3339(earliest)}}
    return {**found, "limits": limits}, earliest


def escalates_at(moment: dt.datetime) -> dict[str, Any]:
    """Return what an item keeps that is escalated when it is not done by a moment."""
    limit = {"due_at": rfc3339(moment), "working": False, "breach": [_ESCALATE], "step": 0}
    return {"limits": {COMPLETION: limit}, "on_hold": "pause"}


def _limit(said: Limit, opened_at: dt.datetime, calendar: WorkingCalendar | None) -> dict[str, Any]:
    if said.at is not None:
        moment = said.at
    elif said.working is not None and calendar is not None:
        moment = calendar.later(opened_at, working_length(said.working))
        for step in said.breach:
            # Whatever is promised can be reckoned: also the time that a step will give.
            if step.by is not None:
                calendar.later(moment, working_length(step.by))
    else:
        moment = opened_at + (said.within or dt.timedelta())
    return {
        "due_at": rfc3339(checked(moment)),
        "working": said.working is not None,
        "breach": as_json(said),
        "step": 0,
    }


def moment_of(limit: Mapping[str, Any]) -> dt.datetime | None:
    """Return when a deadline is due; None when nothing happens any more."""
    return dt.datetime.fromisoformat(limit["due_at"]) if limit["due_at"] else None


def limits_of(item: WorkItem) -> dict[str, dict[str, Any]]:
    """Return the deadlines of an item, by name."""
    found: dict[str, dict[str, Any]] = item.deadlines.get("limits", {})
    return found


def still_counts(name: str, item: WorkItem) -> bool:
    """Whether a deadline is missed by an item that is where it is when that comes."""
    if name == CLAIM:
        return bool(item.status == Status.PENDING)
    return name != START or (item.started_at is None and item.status in NOT_STARTED)


def later_by(item: WorkItem, limit: Mapping[str, Any], length: str) -> dt.datetime:
    """Return the moment that lies so much after now, as the deadline counts.

    Raises NeverOpen, NotAMoment.
    """
    if limit["working"]:
        return checked(_calendar(item).later(now(), working_length(length)))
    return checked(now() + parse_duration(length))


def _calendar(item: WorkItem) -> WorkingCalendar:
    return stored_calendar(item.deadlines["calendar"])


def met(item: WorkItem, *names: str) -> list[str]:
    """Note that an item met deadlines, whatever becomes of it later (WS-HumanTask 1.1 §4.6); which
    columns that changes."""
    running = [name for name in names if limits_of(item).get(name, _NONE)["due_at"]]
    if not running:
        return []
    for name in running:
        changed(item, name, due_at=None)
    Deadline.objects.filter(tenant_id=item.tenant_id, item_id=item.id, name__in=running).delete()
    return ["deadlines"]


def changed(item: WorkItem, name: str, **members: Any) -> None:
    """Change members of one deadline of an item."""
    limits = limits_of(item)
    item.deadlines = {**item.deadlines, "limits": {**limits, name: {**limits[name], **members}}}


def due_rows(item: WorkItem) -> Iterator[Deadline]:
    """Return the rows that fall due for what still runs."""
    queue = "undo" if item.kind == Kind.COMPENSATION else "upkeep"
    for name, limit in limits_of(item).items():
        moment = moment_of(limit)
        if moment is not None:
            yield Deadline(
                tenant_id=item.tenant_id, item=item, name=name, due_at=moment, queue=queue
            )


def hold_clocks(item: WorkItem) -> list[str]:
    """Stop the clocks of an item that is put on hold; which columns that changes."""
    if not item.deadlines:
        return []
    _stop(item)
    item.deadlines = {**item.deadlines, "held_at": rfc3339(now())}
    return ["deadlines"]


def restart_clocks(item: WorkItem) -> list[str]:
    """Let the clocks of an item run on that was on hold; which columns that changes."""
    held_at = item.deadlines.get("held_at")
    if held_at is None:
        return []
    item.deadlines = {key: said for key, said in item.deadlines.items() if key != "held_at"}
    if item.deadlines["on_hold"] == "pause":
        for name, limit in limits_of(item).items():
            _shift(item, name, limit, dt.datetime.fromisoformat(limit.get("set_at") or held_at))
    Deadline.objects.bulk_create(due_rows(item))
    return ["deadlines", "due_at"]


def _shift(item: WorkItem, name: str, limit: Mapping[str, Any], since: dt.datetime) -> None:
    """Add to a deadline the time that it stood still, as it counts time. What would lie beyond all
    calendars comes at their end."""
    before = moment_of(limit)
    if before is None:
        return
    try:
        if limit["working"]:
            calendar = _calendar(item)
            moment = checked(calendar.after(before, calendar.between(since, now())))
        else:
            moment = checked(before + (now() - since))
    except (NeverOpen, NotAMoment, OverflowError):
        moment = _LAST
    changed(item, name, due_at=rfc3339(moment), set_at=None)
    if name == COMPLETION and item.due_at is not None:
        # An undo task may be due before its deadline comes.
        item.due_at = min(item.due_at + (moment - before), _LAST)


def set_completion(
    item: WorkItem, before: dt.datetime | None, moment: dt.datetime | None
) -> list[str]:
    """Let the deadline of its completion come at a moment that somebody sets, or no more, and what
    follows begin anew; `before` was its due moment. Which columns that changes.

    What is due before its deadline comes has that deadline still, unless it is due after it.
    """
    limit = limits_of(item).get(COMPLETION)
    if limit is None:
        return []
    comes = moment_of(limit)
    if moment is not None and comes is not None and before != comes and moment <= comes:
        return []
    on_hold = item.status == Status.SUSPENDED
    changed(
        item,
        COMPLETION,
        due_at=rfc3339(moment) if moment else None,
        step=0,
        set_at=rfc3339(now()) if on_hold else None,
    )
    if not on_hold:
        Deadline.objects.filter(tenant_id=item.tenant_id, item_id=item.id, name=COMPLETION).delete()
        Deadline.objects.bulk_create(row for row in due_rows(item) if row.name == COMPLETION)
    return ["deadlines"]


def forget_deadlines(item: WorkItem) -> list[str]:
    """Let no deadline of an item that ends fall due any more; which columns that changes."""
    if not item.deadlines:
        return []
    _stop(item)
    for name in limits_of(item):
        changed(item, name, due_at=None)
    return ["deadlines"]


def _stop(item: WorkItem) -> None:
    rows = Deadline.objects.filter(tenant_id=item.tenant_id, item_id=item.id)
    rows.filter(name__in=NAMES).delete()
