"""What an item will hear of: the events it listens for, and the undo of what it was made of.

Said when it is opened; of what it was made also later, by a relation. Whoever does something about
it then is a consumer, which only hears of it in tenants where an item asked for it. It also hears
what is said: the source may have been undone before, or is being undone at this moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ledger.dispatch.wanted_news import want
from workitems.around.addition_tables import Relation
from workitems.derivation import CAN_BE_UNDONE, DERIVED_FROM, INFLUENCE, UNDONE
from workitems.listener_tables import Derivation, Listener
from workitems.listening_input import CHOREOGRAPHY, heard_as
from workitems.models import WorkItem


def hearing_rows(item: WorkItem) -> list[Listener | Derivation]:
    """Return the rows of a new item that say what it hears of, and let that be heard."""
    types = sorted({each["type"] for each in item.compensate_on})
    if types:
        want(item.tenant_id, map(heard_as, types), CHOREOGRAPHY)
    sources = sorted({each["type"] for each in item.derived_from})
    if sources:
        _hear_of_undo(item, sources)
    tenant_id = item.tenant_id
    return [
        *(Listener(tenant_id=tenant_id, item=item, type=type_) for type_ in types),
        *(
            Derivation(
                tenant_id=tenant_id, item=item, source_type=each["type"], source_id=each["id"]
            )
            for each in item.derived_from
        ),
    ]


def related_rows(item: WorkItem, said: Mapping[str, Any]) -> list[Derivation]:
    """Return the row of a relation that says of what an item was made, once, and let the undo of
    that be heard; no row for any other relation."""
    if not heard_of_source(said):
        return []
    _hear_of_undo(item, [said["target_type"]])
    source = {"source_type": said["target_type"], "source_id": said["target_id"]}
    there = Derivation.objects.filter(tenant_id=item.tenant_id, item_id=item.id, **source)
    # Said before, at its creation or by a relation that was removed since.
    return [] if there.exists() else [Derivation(tenant_id=item.tenant_id, item=item, **source)]


def heard_of_source(said: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the consumer that hears of a relation by which something may be its item's source."""
    made_of = said["type"] == DERIVED_FROM and said["target_type"] in CAN_BE_UNDONE
    return (INFLUENCE,) if made_of else ()


def is_made_of(item: WorkItem, derived: Derivation) -> bool:
    """Whether an item still says that it was made of something: a relation may be removed."""
    source = {"type": derived.source_type, "id": str(derived.source_id)}
    if source in item.derived_from:
        return True
    related = Relation.objects.filter(
        tenant_id=item.tenant_id, item_id=item.id, type=DERIVED_FROM, removed_at__isnull=True,
        target_type=derived.source_type, target_id=derived.source_id,
    )  # fmt: skip
    return related.exists()


def _hear_of_undo(item: WorkItem, kinds: Iterable[str]) -> None:
    want(
        item.tenant_id,
        [f"amends.{kind}.{action}.v1" for kind in kinds for action in UNDONE],
        INFLUENCE,
    )
