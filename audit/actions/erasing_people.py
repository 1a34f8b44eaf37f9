"""The verbs about erasing a person: asking for it, doing it once it is known what goes, and letting
it be.

The locked rows are the request, and then the person's actor, of whom it is recorded.
"""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Final

from django.utils.translation import gettext as _
from pydantic import Field

from accounts import actions as accounts
from accounts.actions.actor_entries import note
from accounts.selectors import people_called
from ledger.erasure.requests import begin_erasing, erasures, request_erasure, withdraw_erasure
from ledger.errors import Conflict, Invalid, NotFound
from verbs import catalogue
from verbs.input import Input, Name, Nothing, Text
from verbs.operation import operation
from verbs.shell import VerbContext
from verbs.subject import Locked

ERASURE: Final = "erasure"
KIND: Final = "ERASURE"
MOST_NAMES: Final = 20


class NewErasure(Input):
    """Whom to erase, and why. `also_called` are further texts that say who they are, such as a
    former name or a telephone number: they are looked for as the name is."""

    person: Name
    reason: Text
    also_called: Annotated[list[Name], Field(max_length=MOST_NAMES)] = []


def locked_erasure(tenant_id: uuid.UUID, id_: uuid.UUID) -> Locked:
    """Lock the request, and then the person, of whom it is recorded: in the order in which a worker
    locks them, who waits for neither while it has the other. Raises NotFound."""
    found = erasures(tenant_id).filter(id=id_).select_for_update().first()
    if found is None:
        raise NotFound
    try:
        member = accounts.lock_member(tenant_id, found.actor_id)
    except NotFound:
        # They are erased: there is nobody to lock, and nothing to be done any more.
        member = None
    return Locked(found, member)


@catalogue.verb(
    ERASURE, operation("request", None, "COUNTING", "tenant_admin"), action="erasure_requested",
    given=NewErasure, creates=True, status=201, page=False, again_on="ledger_erasure_one",
    no_button="Its form stands on the page of all erasures.",
)  # fmt: skip
def request(_row: None, given: NewErasure, context: VerbContext) -> Any:
    """Ask for all that is kept about a person to be erased. What there is, and what a legal hold
    keeps, is counted first; nothing is erased before that is known and confirmed."""
    tenant_id, me = context.authority.tenant_id, context.authority.actor_id
    found = people_called(tenant_id, [given.person]).get(given.person)
    if found is None or found.type == "SYSTEM":
        said = _("nobody is called '%(name)s'") % {"name": given.person}
        raise Invalid.field("/person", said, code="unknown")
    if found.actor_id == me:
        raise Conflict(_("Nobody erases themselves: another has to."), code="own_erasure")
    for place, text in enumerate(given.also_called):
        if len(text.strip()) < 3:  # noqa: PLR2004  -- what the sentence says
            said = _("Use at least 3 characters.")
            raise Invalid.field(f"/also_called/{place}", said, code="too_short")
    try:
        actor, _membership = accounts.lock_member(tenant_id, found.actor_id)
    except NotFound:
        raise Conflict(_("They are erased already."), code="already_erased") from None
    if erasures(tenant_id).filter(actor_id=actor.id, ended_at__isnull=True).exists():
        raise Conflict(_("It was asked for already."), code="already_requested")
    note(actor, "erasure_requested", context.by, payloads={"reason": given.reason}, kind=KIND)
    return request_erasure(tenant_id, actor.id, given.reason, given.also_called, me)


@catalogue.verb(
    ERASURE, operation("confirm", ("COUNTED",), "ERASING", "tenant_admin"),
    action="erasure_confirmed", dangerous=True, status=202,
)  # fmt: skip
def confirm(row: Any, _given: Nothing, context: VerbContext) -> Any:
    """Erase what was counted. It cannot be taken back. The person is shut out at once; what a legal
    hold keeps is erased when that is lifted."""
    _refuse_oneself(row, context)
    if context.others is not None:
        actor, membership = context.others
        accounts.set_active(actor, membership, active=False, by=context.by)
        # What goes before there is a receipt goes under this id.
        receipt = {"receipt": str(row.id)}
        note(actor, "erasure_confirmed", context.by, payloads=receipt, kind=KIND)
    begin_erasing(row, context.authority.actor_id)
    return row


@catalogue.verb(
    ERASURE, operation("withdraw", ("COUNTING", "COUNTED"), "WITHDRAWN", "tenant_admin"),
    action="erasure_withdrawn",
)  # fmt: skip
def withdraw(row: Any, _given: Nothing, context: VerbContext) -> Any:
    """Let it be. Nothing was erased."""
    if context.others is not None:
        note(context.others[0], "erasure_withdrawn", context.by, kind=KIND)
    withdraw_erasure(row)
    return row


def _refuse_oneself(row: Any, context: VerbContext) -> None:
    if row.actor_id == context.authority.actor_id:
        raise Conflict(_("Nobody erases themselves: another has to."), code="own_erasure")
