"""Lists that are searched by name, and what their pages show of that."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

#: No name is longer.
MAX_QUERY = 200


def called(
    request: HttpRequest, rows: QuerySet[Any], address: str
) -> tuple[QuerySet[Any], dict[str, Any]]:
    """Return the rows with these words in their `name`, and `chips`, `filters` and `clear_url` of
    components/chips.html for a list at `address`."""
    words = request.GET.get("q", "").strip()[:MAX_QUERY]
    field = {"name": "q", "label": _("Words of the name"), "type": "search", "value": words}
    chip = {"label": _("Called “%(words)s”") % {"words": words}, "remove_url": address}
    return rows.filter(name__icontains=words) if words else rows, {
        "chips": [chip] if words else [],
        "filters": {"action": address, "fields": [field], "hidden": []},
        "clear_url": address if words else "",
    }
