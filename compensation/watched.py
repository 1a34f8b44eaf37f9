"""What the pages of rollbacks show that changes while they are looked at, see `web.live`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accounts.acting import ActingUser
from compensation import selectors
from compensation.lifecycle import LIVE_RUNS
from ledger.selectors import all_entries
from web.live import LivePage, Watched, newest


def under_way(who: ActingUser, _keys: Mapping[str, Any]) -> list[Watched]:
    """Return the rollbacks that are under way. A run's version rises with each of its steps."""
    return [Watched(selectors.runs(who.tenant_id).filter(status__in=LIVE_RUNS))]


def listed(who: ActingUser, _keys: Mapping[str, Any]) -> list[Watched]:
    """Return the rollbacks of the list."""
    return [Watched(selectors.runs(who.tenant_id))]


def run(who: ActingUser, keys: Mapping[str, Any]) -> list[Watched]:
    """Return a run, and the newest of what it happens in."""
    one = selectors.runs(who.tenant_id).filter(id=keys["id"]).order_by()
    in_whole = all_entries(who.tenant_id).filter(case_id__in=one.values("whole_id"))
    return [Watched(one), newest(in_whole)]


def plan(who: ActingUser, keys: Mapping[str, Any]) -> list[Watched]:
    """Return the rollback that a plan was executed as: from then on its page tells of that."""
    return [Watched(selectors.runs(who.tenant_id).filter(plan_id=keys["id"]).order_by())]


PAGES = (
    LivePage("compensation:plan", plan),
    LivePage("compensation:runs", listed, listing=True),
    LivePage("compensation:run", run),
    LivePage("compensation:run-step", run),
)
