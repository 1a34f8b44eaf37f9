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
    line above. Entries are sorted by `order`.
    """

    key: str
    label: str | Promise
    icon: str
    url_name: str
    order: int
    count: Count | None = None
    tone: Literal["", "undo"] = ""
    rule: bool = False
    roles: frozenset[str] | None = None


_entries: dict[str, NavEntry] = {}


def register(entry: NavEntry) -> None:
    """Add an entry. Registering a key again replaces it."""
    _entries[entry.key] = entry


def say_count(request: HttpRequest, key: str, count: int) -> None:
    """Let a page say what it has counted already, so that the frame does not count it again."""
    request.nav_counts = {**getattr(request, "nav_counts", {}), key: count}  # type: ignore[attr-defined]  # ours


def entries(roles: frozenset[str]) -> list[NavEntry]:
    """Return the entries that a holder of `roles` sees, in order."""
    seen = [each for each in _entries.values() if each.roles is None or each.roles & roles]
    return sorted(seen, key=lambda each: (each.order, each.key))


def shell(request: HttpRequest) -> dict[str, Any]:
    """Give templates `shell`. Nothing is read until a template asks: fragments never do."""
    return {"shell": SimpleLazyObject(lambda: frame(request))}


def frame(request: HttpRequest) -> dict[str, Any]:
    """Return `member`, `tenant`, `tenants`, `nav` and whether workers are silent; nothing for a
    request without a place."""
    place = place_of(request)
    if place is None:
        return {}
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
        "nav": _nav(request, place),
        "workers_silent": workers_are_silent(),
        "search_url": reverse("search"),
        "search_value": request.GET.get("q", ""),
    }


def _nav(request: HttpRequest, place: Place) -> list[dict[str, Any]]:
    tenant_id = place.acting.tenant_id
    bound = connection.in_atomic_block and current_tenant() == tenant_id
    scope = contextlib.nullcontext() if bound else tenant_scope(tenant_id)
    with scope:
        return [_link(request, place, entry) for entry in entries(place.roles)]


def _link(request: HttpRequest, place: Place, entry: NavEntry) -> dict[str, Any]:
    url = reverse(entry.url_name)
    known = getattr(request, "nav_counts", {}).get(entry.key)
    count = known if known is not None or entry.count is None else entry.count(place.acting)
    count = count or 0
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
