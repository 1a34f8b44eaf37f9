"""What an item will hear of: the events it listens for, and the undo of what it was made of.

Said when it is opened. Whoever does something about it then is a consumer, which only hears of it
in tenants where an item asked for it.
"""

from __future__ import annotations

from ledger.dispatch.wanted_news import want
from workitems.derivation import INFLUENCE, UNDONE
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
        news = (f"amends.{kind}.{action}.v1" for kind in sources for action in UNDONE)
        want(item.tenant_id, news, INFLUENCE)
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
