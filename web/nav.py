"""What the frame of every page shows: the member, the tenants, the navigation with its counts.

Apps register the entries of the navigation in `AppConfig.ready()`.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable
from typing import Any, Literal

from django.db import connection
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise, SimpleLazyObject

from accounts.acting import ActingUser
from accounts.roles import Role, strongest
from accounts.selectors import Place
from ledger.tenancy import current_tenant, tenant_scope
from web.counts import COUNTED, shown_count
from web.membership import place_of
from web.workers_heard import workers_are_silent

Count = Callable[[ActingUser], int]


@dataclasses.dataclass(frozen=True, slots=True)
class NavEntry:
    """One link of the main navigation.

    `label` may be lazily translated. `icon` is a Lucide name. `count` (what waits there; nothing is
    shown for 0) runs in the tenant's scope. `roles` None shows it to every member. `rule` draws a
    line above. `place` is the bar at the side, or the menu of one's account. Entries are sorted by
    `order`.
    """

    key: str
    label: str | Promise
    icon: str
    url_name: str
    order: int
    count: Count | None = None
    tone: Literal["", "undo"] = ""
    rule: bool = False
    place: Literal["side", "menu"] = "side"
    roles: frozenset[str] | None = None


_entries: dict[str, NavEntry] = {}
_hints: dict[str, Callable[[], dict[str, Any]]] = {}


def register(entry: NavEntry) -> None:
    """Add an entry. Registering a key again replaces it."""
    _entries[entry.key] = entry


def say_count(request: HttpRequest, key: str, count: int) -> None:
    """Let a page say what it has counted already, so that the frame does not count it again."""
    request.nav_counts = {**getattr(request, "nav_counts", {}), key: count}  # type: ignore[attr-defined]  # ours


def register_hint(hint: Callable[[], dict[str, Any]]) -> None:
    """Let the first page show visitors something: a `template`, and what it needs."""
    _hints["first page"] = hint


def entries(roles: frozenset[str]) -> list[NavEntry]:
    """Return the entries that a holder of `roles` sees, in order."""
    seen = [each for each in _entries.values() if each.roles is None or each.roles & roles]
    return sorted(seen, key=lambda each: (each.order, each.key))


def shell(request: HttpRequest) -> dict[str, Any]:
    """Give templates `shell`, of which nothing is read until one asks, and `live` (`web.live`)."""
    shown = SimpleLazyObject(lambda: frame(request))
    return {"shell": shown, "live": getattr(request, "live", None)}


def frame(request: HttpRequest) -> dict[str, Any]:
    """Return `member`, `tenant`, `tenants`, `nav` and whether workers are silent; without a place
    only what the first page shows visitors."""
    place = place_of(request)
    if place is None:
        return {"hint": hint()} if (hint := _hints.get("first page")) else {}
    return {
        "member": {
            "username": place.acting.username,
            "name": place.name or place.acting.username,
            "role": strongest(place.roles),
            "role_label": Role(strongest(place.roles)).label,
        },
        "tenant": {"name": place.tenant_name},
        "tenants": [
            {
                "id": each.acting.tenant_id,
                "name": each.tenant_name,
                "current": each.acting.tenant_id == place.acting.tenant_id,
            }
            for each in getattr(request, "places", ())
        ],
        "nav": _nav(request, place, "side"),
        "menu": _nav(request, place, "menu"),
        "workers_silent": workers_are_silent(),
        "search_url": reverse("search"),
        "search_value": request.GET.get("q", ""),
    }


def _nav(request: HttpRequest, place: Place, where: str) -> list[dict[str, Any]]:
    tenant_id = place.acting.tenant_id
    bound = connection.in_atomic_block and current_tenant() == tenant_id
    scope = contextlib.nullcontext() if bound else tenant_scope(tenant_id)
    with scope:
        found = [entry for entry in entries(place.roles) if entry.place == where]
        return [_link(request, place, entry) for entry in found]


def _link(request: HttpRequest, place: Place, entry: NavEntry) -> dict[str, Any]:
    url = reverse(entry.url_name)
    count = _count(request, place, entry)
    return {
        "key": entry.key,
        "label": entry.label,
        "icon": entry.icon,
        "url": url,
        "current": request.path == url or (url != "/" and request.path.startswith(url)),
        "count": count if count < COUNTED else shown_count(count),
        "tone": entry.tone,
        "rule": entry.rule,
    }


def _count(request: HttpRequest, place: Place, entry: NavEntry) -> int:
    """Return what waits there, unless the page has counted it already, or what it watches has."""
    known = getattr(request, "nav_counts", {}).get(entry.key)
    if known is not None:
        return int(known)
    carried = getattr(request, "live", None)
    if carried is not None and entry.key in carried.counts:
        return min(int(carried.counts[entry.key]), COUNTED)
    return entry.count(place.acting) if entry.count is not None else 0
