"""The history on the page of one work item. Reads only; runs in the tenant's scope."""

from __future__ import annotations

import uuid
from typing import Any

from django.utils.translation import gettext as _

from compensation import news
from ledger.selectors import newest_of
from verbs.subject import Description
from workitems.lifecycle import Kind
from workitems.models import WorkItem
from workitems.selectors import Shown
from workitems.subject import describe_item


def _itself(item: WorkItem) -> str:
    """Return how its own page calls it, where its name would only be repeated."""
    return _("this undo task") if item.kind == Kind.COMPENSATION else _("this task")


def lines_of(
    shown: Shown, entries: list[Any], links: dict[tuple[str, uuid.UUID], Description]
) -> list[dict[str, Any]]:
    """Return the lines of an item's history on its own page."""
    item = shown.item
    own = (item.subject_type, item.id)
    described = describe_item(item.id, item.title, str(item.status), item.kind)
    return news.told(
        entries,
        described={**links, own: described},
        named=shown.people,
        itself={own: _itself(item)},
    )


def history(item: WorkItem) -> list[Any]:
    """Return the entries of an item, newest first; of an undo task also those of its original."""
    subjects = [(item.subject_type, item.id)]
    if item.undoes_id is not None:
        subjects.append((item.undoes_type, item.undoes_id))
    return newest_of(item.tenant_id, subjects)
