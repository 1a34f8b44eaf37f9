"""What the frame of every page shows: the member, the tenants, the navigation with its counts.

Apps register the entries of the navigation in `AppConfig.ready()`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, cast

from django.db import connection
from django.http import HttpRequest
from django.urls import reverse
from django.utils.functional import Promise, SimpleLazyObject

from accounts.roles import Role, strongest
from accounts.selectors import Place
from ledger.tenancy import current_tenant, tenant_scope
from web import live, workers_heard
from web.counts import COUNTED, shown_count
from web.membership import place_of


@dataclasses.dataclass(frozen=True, slots=True)
class NavEntry:
    """One link of the main navigation.

    `label` may be lazily translated. `icon` is a Lucide name. What waits there is counted under its
    `key` (`live.register_counted`); nothing is shown for 0. `roles` None shows it to every member.
    `below`: where further pages of it are. `rule` draws a line above. `place` is the bar at the
    side, or the menu of one's account. Entries are sorted by `order`.
    """

    key: str
    label: str | Promise
    icon: str
    url_name: str
    order: int
    below: tuple[str, ...] = ()
    tone: Literal["", "undo"] = ""
    rule: bool = False
    place: Literal["side", "menu"] = "side"
    roles: frozenset[str] | None = None


_entries: dict[str, NavEntry] = {}
_hints: dict[str, Callable[[], dict[str, Any]]] = {}
_seals: dict[str, Callable[[uuid.UUID], dict[str, Any]]] = {}


def register(entry: NavEntry) -> None:
    """Add an entry. Registering a key again replaces it."""
    _entries[entry.key] = entry


def say_count(request: HttpRequest, key: str, count: int) -> None:
    """Let a page say what it has counted already, so that the frame does not count it again."""
    request.nav_counts = {**getattr(request, "nav_counts", {}), key: count}  # type: ignore[attr-defined]  # ours


def register_hint(hint: Callable[[], dict[str, Any]]) -> None:
    """Let the first page show visitors something: a `template`, and what it needs."""
    _hints["first page"] = hint


def register_seal(read: Callable[[uuid.UUID], dict[str, Any]]) -> None:
    """Let the foot of every page say how the tenant's record stands: `text`, `at`, `beside`,
    `tone`, `url`, `icon`. It is called for each page, in the tenant's scope or outside of any."""
    _seals["foot"] = read


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
    counted, shown = _counted(request, place), entries(place.roles)
    here = _current(request.path, shown)
    links = [
        (each.place, {**_link(request, counted, each), "current": each is here}) for each in shown
    ]
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
        "nav": [link for where, link in links if where == "side"],
        "menu": [link for where, link in links if where == "menu"],
        "seal": _sealed(request, place.acting.tenant_id),
        "workers_silent": workers_heard.workers_are_silent(),
        "search_url": reverse("search"),
        "search_value": request.GET.get("q", ""),
    }


def _counted(request: HttpRequest, place: Place) -> Mapping[str, int]:
    """Return what waits behind the links, as it was read with what the page carries."""
    carried = getattr(request, "live", None)
    if carried:
        return cast("live.Live", carried).counts
    with _scope(request, place.acting.tenant_id):
        return live.counts_of(place.acting)


def _sealed(request: HttpRequest, tenant_id: uuid.UUID) -> dict[str, Any] | None:
    read = _seals.get("foot")
    if read is None:
        return None
    with _scope(request, tenant_id):
        return read(tenant_id)


def _scope(request: HttpRequest, tenant_id: uuid.UUID) -> contextlib.AbstractContextManager[None]:
    """Open the tenant's scope where the page has not done so."""
    bound = getattr(request, "in_scope", False) or (
        connection.in_atomic_block and current_tenant() == tenant_id
    )
    return contextlib.nullcontext() if bound else tenant_scope(tenant_id)


def _link(request: HttpRequest, counted: Mapping[str, int], entry: NavEntry) -> dict[str, Any]:
    url = reverse(entry.url_name)
    count = _count(request, counted, entry)
    return {
        "key": entry.key,
        "label": entry.label,
        "icon": entry.icon,
        "url": url,
        "count": count if count < COUNTED else shown_count(count),
        "tone": entry.tone,
        "rule": entry.rule,
    }


def _current(path: str, shown: Sequence[NavEntry]) -> NavEntry | None:
    """Return where one is: of the entries above a page the nearest one."""
    places = [
        (len(at), each) for each in shown for at in (reverse(each.url_name), *each.below)
        if _is_at(path, at)
    ]  # fmt: skip
    return max(places, key=lambda place: place[0])[1] if places else None


def _is_at(path: str, place: str) -> bool:
    return path == place or (place != "/" and path.startswith(place))


def _count(request: HttpRequest, counted: Mapping[str, int], entry: NavEntry) -> int:
    """Return what waits there, as the page itself has counted it where it has."""
    known = getattr(request, "nav_counts", {}).get(entry.key)
    return int(counted.get(entry.key, 0) if known is None else known)
