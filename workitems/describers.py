"""How work items are called on pages of other apps, and where their own page is."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from django.urls import reverse

from web.describers import Description
from workitems.lifecycle import Kind
from workitems.models import WorkItem


def describe_work_items(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Description]:
    """Return titles and addresses of work items by id, in one query."""
    rows = WorkItem.objects.filter(id__in=list(ids)).values_list("id", "title", "status", "kind")
    return {
        id_: Description(
            title=title,
            url=reverse("workitems:detail", args=[id_]),
            status=str(status),
            icon="undo-2" if kind == Kind.COMPENSATION else "inbox",
        )
        for id_, title, status, kind in rows
    }
