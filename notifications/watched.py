"""What the page of notifications shows that changes while it is looked at, see `web.live`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from accounts.acting import ActingUser
from notifications import selectors
from web.live import LivePage, Watched
from web.pagination import NEWEST_FIRST


def unread(who: ActingUser, _keys: Mapping[str, Any]) -> list[Watched]:
    """Return what a person has not read."""
    mine = selectors.unread(selectors.notifications_of(who.tenant_id, who.actor_id))
    return [Watched(mine.order_by(*NEWEST_FIRST), version="subject_id")]


def listed(who: ActingUser, _keys: Mapping[str, Any]) -> list[Watched]:
    """Return what a person was told, and which of it they have read."""
    mine = selectors.notifications_of(who.tenant_id, who.actor_id).order_by(*NEWEST_FIRST)
    return [Watched(mine, version="read_at")]


PAGES = (LivePage("notifications:list", listed, listing=True),)
