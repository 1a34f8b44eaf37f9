"""Work found by its words: title, description, and parts of the title.

What is asked for is found where each of its words begins a word of an item, in any order, or where
it stands as it is in the title. The database keeps the words (`ItemText`), whoever changes an item.
"""

from __future__ import annotations

import uuid

from django.db import connection
from django.db.models import BooleanField, F, Func, OuterRef, Q, UUIDField, Value

from workitems.finding.finding_tables import ItemText
from workitems.finding.narrowing import FEW, Narrowed
from workitems.selectors import has_row

_FOUND = "SELECT public.workitems_found(%s, %s)"


class _HasWords(Func):
    """Whether a row of `ItemText` has the words that are asked for."""

    template = "(%(expressions)s)"
    arg_joiner = " @@ "
    output_field = BooleanField()


class _AskedWords(Func):
    function = "public.workitems_asked_words"
    output_field = BooleanField()  # of no type of Django's; it is only compared


def called(tenant_id: uuid.UUID, text: str) -> Narrowed:
    """Return the items of a text: by their ids where they are few, which one statement says."""
    asked = _AskedWords(Value(tenant_id, UUIDField()), Value(text))
    kept = ItemText.objects.filter(tenant_id=tenant_id, item_id=OuterRef("id"))
    matches = Q(title__icontains=text) | has_row(
        kept.filter(_HasWords(F("words"), asked)).order_by(), "item_id"
    )
    ids = few_of(text)
    return Narrowed(matches) if ids is None else Narrowed(Q(id__in=ids) & matches, few=True)


def few_of(text: str) -> list[uuid.UUID] | None:
    """Return the items of the tenant in scope that may be of this text, in no order; None where
    they are many."""
    with connection.cursor() as cursor:
        cursor.execute(_FOUND, [text, FEW])
        ((ids,),) = cursor.fetchall()
    return None if ids is None else list(ids)
