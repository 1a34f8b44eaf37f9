"""What the pages of approvals show that changes while they are looked at, see `web.live`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accounts.acting import ActingUser
from governance import selectors
from web.live import LivePage, Watched
from web.pagination import NEWEST_FIRST


def waits(who: ActingUser, _keys: Mapping[str, Any]) -> list[Watched]:
    """Return what waits for a member to approve or refuse it: of much what waits longest, as it is
    shown among the decisions."""
    return [Watched(selectors.to_decide(who).order_by(*selectors.LONGEST_FIRST))]


def listed(who: ActingUser, _keys: Mapping[str, Any]) -> list[Watched]:
    """Return the newest approvals, and the newest of those that wait for a member."""
    some = (selectors.approvals(who.tenant_id), selectors.to_decide(who))
    return [Watched(rows.order_by(*NEWEST_FIRST)) for rows in some]


def one(who: ActingUser, keys: Mapping[str, Any]) -> list[Watched]:
    """Return one approval: its version rises with each decision."""
    return [Watched(selectors.approvals(who.tenant_id).filter(id=keys["id"]).order_by())]


PAGES = (
    LivePage("governance:approvals", listed, listing=True),
    LivePage("governance:approval", one),
)
