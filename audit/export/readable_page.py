"""The page of an evidence pack that is for people: what happened, in words."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

from django.template.loader import render_to_string

from audit.entry_context import Presenter
from audit.entry_verdicts import of_entries
from ledger.as_hashed import Altered, altered
from ledger.clock import now
from ledger.selectors import Entry, open_entries

_ROWS = 500
# Where in the page its entries are.
_PLACE = "<!-- entries -->"


def readable_page(
    tenant_id: uuid.UUID, rows: Any, about: str, size: int, found: dict[str, str]
) -> Iterator[bytes]:
    """Yield the page: what happened, oldest first. Of an entry whose columns are not as they were
    hashed it says that and what was hashed, in place of any words; and it is put into `found`, by
    its id, with what is wrong."""
    context = {"about": about, "size": size, "made_at": now()}
    before, _mark, after = render_to_string("audit/evidence.html", context).partition(_PLACE)
    yield before.encode()
    ordered, told = rows.order_by("at", "id"), 0
    read = list(ordered[:_ROWS])
    while read:
        portion = {"entries": _portion(tenant_id, open_entries(read), found), "told": told}
        yield render_to_string("audit/evidence_entries.html", portion).encode()
        told += len(read)
        at, id_ = read[-1].at, read[-1].id
        # By its key: an offset reads all that was read before once more.
        read = list(ordered.filter(at__gte=at).exclude(at=at, id__lte=id_)[:_ROWS])
    yield after.encode()


def _portion(
    tenant_id: uuid.UUID, entries: list[Entry], found: dict[str, str]
) -> list[dict[str, Any]]:
    wrong = {each.id: what for each in entries if (what := altered(each)) is not None}
    found |= {str(id_): what.why for id_, what in wrong.items()}
    # What was altered may hold anything, which nobody has words for.
    presenter = Presenter(tenant_id, [each for each in entries if each.id not in wrong])
    signed = of_entries(tenant_id, entries)
    return [
        {"signature": signed[each.id], "index": each.tree_index}
        | (_as_it_is(each, wrong[each.id]) if each.id in wrong else _in_words(presenter, each))
        for each in entries
    ]


def _in_words(presenter: Presenter, entry: Entry) -> dict[str, Any]:
    return {**presenter.full(entry, [], None), "agent": entry.actor_type == "AGENT"}


def _as_it_is(entry: Entry, wrong: Altered) -> dict[str, Any]:
    return {
        "altered": wrong.why,
        "columns": wrong.columns,
        "id": entry.id,
        "body": entry.body.decode("utf-8", "replace"),
        "hash": entry.hash.hex(),
    }
