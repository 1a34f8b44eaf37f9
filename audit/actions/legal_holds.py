"""The verbs about legal holds: what is held is erased by nobody until that is lifted.

It is recorded of the organisation: what is held may be anything, in whatever state.
"""

from __future__ import annotations

import uuid
from typing import Any, Final

from django.utils.translation import gettext as _

from accounts import actions as accounts
from ledger.erasure.held_rows import holds, lift_hold, place_hold, stop_portions
from ledger.errors import Conflict, Invalid, NotFound
from verbs import catalogue
from verbs.input import Id, Input, Reason, Text, Word
from verbs.operation import operation
from verbs.shell import VerbContext
from verbs.subject import Locked, known

HOLD: Final = "legal_hold"
#: What can be held: kinds of things with rows of their own.
HOLDABLE: Final = ("case", "work_item", "execution", "batch", "compensation_run", "actor")


class Held(Input):
    """What is held: a kind of thing, and which."""

    type: Word
    id: Id


class NewHold(Input):
    """What is held, with all that belongs to it, and why."""

    subject: Held
    reason: Text


def locked_hold(tenant_id: uuid.UUID, id_: uuid.UUID) -> Locked:
    """Lock the organisation, of which it is recorded, and then the hold, which a portion of an
    erasure may be at: none is under way then. Raises NotFound."""
    accounts.lock_tenant(tenant_id)
    stop_portions(tenant_id)
    row = holds(tenant_id).filter(id=id_).select_for_update().first()
    if row is None:
        raise NotFound
    return Locked(row)


@catalogue.verb(
    HOLD, operation("place", None, None, "tenant_admin"), action="hold_placed", given=NewHold,
    creates=True, status=201, page=False, again_on="ledger_hold_once",
    no_button="Its form stands on the page of all erasures.",
)  # fmt: skip
def place(_row: None, given: NewHold, context: VerbContext) -> Any:
    """Hold something: whatever is erased meanwhile, this is kept, and with it who acted there."""
    tenant_id = context.authority.tenant_id
    kind = known(given.subject.type) if given.subject.type in HOLDABLE else None
    if kind is None:
        said = _("must be one of %(known)s") % {"known": ", ".join(HOLDABLE)}
        raise Invalid.field("/subject/type", said, code="unknown")
    id_ = uuid.UUID(str(given.subject.id))
    accounts.lock_tenant(tenant_id)
    if id_ not in kind.read_many(tenant_id, [id_]):
        raise Invalid.field("/subject/id", _("There is no such thing."), code="unknown")
    subject = (given.subject.type, id_)
    rows = holds(tenant_id).filter(subject_type=subject[0], subject_id=id_)
    if rows.filter(lifted_at__isnull=True).exists():
        raise Conflict(_("It is held already."), code="already_held")
    payloads: dict[str, object] = {
        "subject": {"type": subject[0], "id": str(id_)},
        "reason": given.reason,
    }
    accounts.note_on_tenant(tenant_id, "hold_placed", by=context.by, payloads=payloads,
                            kind="ERASURE")  # fmt: skip
    return place_hold(tenant_id, subject, given.reason, context.authority.actor_id)


def _still_held(row: Any, _facts: Any, _given: Any) -> Conflict | None:
    if row.lifted_at is None:
        return None
    return Conflict(_("It was lifted already."), code="already_lifted")


@catalogue.verb(
    HOLD, operation("lift", None, None, "tenant_admin"), action="hold_lifted", given=Reason,
    state=_still_held, dangerous=True,
)  # fmt: skip
def lift(row: Any, given: Reason, context: VerbContext) -> Any:
    """Hold it no more. Erasures that were waiting for this go on at once."""
    payloads: dict[str, object] = {"subject": {"type": row.subject_type, "id": str(row.subject_id)},
                "reason": given.reason}  # fmt: skip
    accounts.note_on_tenant(row.tenant_id, "hold_lifted", by=context.by, payloads=payloads,
                            kind="ERASURE")  # fmt: skip
    lift_hold(row, given.reason, context.authority.actor_id)
    return row
