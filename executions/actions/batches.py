"""Asking for a batch: an ordered list of calls, checked together and opened together or not at all.

The executions of all calls are there from the beginning, each with its entry; the first may begin
at once, the others when their turn comes (`batch_turns`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Annotated, Any

from django.utils.translation import gettext as _
from pydantic import Field, PrivateAttr

from accounts.acting import Authority
from executions.actions.batch_calls import open_calls
from executions.actions.deciding_executions import Decided, decided_on_many
from executions.actions.new_execution import NewExecution, check_new
from executions.actions.request import CapabilityCall, check_requester, note_denied
from executions.lifecycle import BATCH_LIFECYCLE, OnFailure
from executions.models import Batch
from governance.errors import DeniedByPolicy, SecondFactorRequired
from json_values.jq.known_answers import NotAskedYet
from json_values.limits import CONTEXT_BYTES, MAX_DEPTH, beyond_limits
from json_values.pointers import MAX_GATHERED, FieldError
from ledger.clock import now
from ledger.errors import Invalid
from ledger.ids import new_id
from verbs import catalogue
from verbs.body_size import at_most
from verbs.input import Input, OptionalText
from verbs.move import Moves
from verbs.shell import VerbContext

BATCH = Batch.subject_type
MAX_CALLS = 100
#: Of all calls together: what one statement writes, and one page shows.
CALLS_BYTES = CONTEXT_BYTES
#: So long more is asked about one batch for its policies: no exchange begins after that.
POLICY_SECONDS = 5.0
# Each is in a list, and its input in it.
CALLS_DEPTH = MAX_DEPTH + 2


class NewBatch(Input):
    """The calls, done one after the other, and what is done where one of them has failed."""

    calls: Annotated[
        list[CapabilityCall],
        Field(min_length=1, max_length=MAX_CALLS),
        at_most(CALLS_BYTES, minItems=1, maxItems=MAX_CALLS),
    ]
    on_failure: OnFailure = Field(default=OnFailure.STOP, strict=False)
    reason: OptionalText = ""
    _until: float | None = PrivateAttr(default=None)

    def may_ask(self) -> bool:
        """Whether policies may be asked once more: always the first time, and then within the time
        that there is for all attempts together."""
        if self._until is None:
            self._until = time.monotonic() + POLICY_SECONDS
            return True
        return time.monotonic() < self._until


@catalogue.verb(
    BATCH, BATCH_LIFECYCLE["request"], action="requested", given=NewBatch, creates=True, status=201,
    page=False, no_button="Programs ask for batches; a form for any input is of little use.",
    noted=(DeniedByPolicy, SecondFactorRequired), note=note_denied,
)  # fmt: skip
def request_batch(_row: None, given: NewBatch, context: VerbContext) -> Batch:
    """Ask for an ordered list of runs, done one after the other. All inputs are checked first, and
    either all of them are opened or none is; policies of the organisation may refuse any, and where
    asking them about all takes too long it is refused as `policies_too_slow`. A worker takes the
    first at once."""
    tenant_id = context.call.by.tenant_id
    batch = Batch(
        id=new_id(), tenant_id=tenant_id, on_failure=str(given.on_failure), reason=given.reason,
        size=len(given.calls), requested_by_id=context.authority.actor_id, created_at=now(),
    )  # fmt: skip
    wanted = [
        call.model_copy(update={"reason": call.reason or given.reason}) for call in given.calls
    ]
    calls = [_execution_of(batch, position, call) for position, call in enumerate(wanted)]
    _check(wanted, calls, context.authority)
    decided = _allowed(calls, given)
    moves = Moves()
    payloads: dict[str, Any] = {"calls": [call.capability for call in wanted]}
    if given.reason:
        payloads["reason"] = given.reason
    requested = moves.insert(batch, "requested", by=context.by, payloads=payloads)
    open_calls(decided, by=context.by, caused_by=requested.ref, moves=moves)
    moves.record()
    return batch


def _execution_of(batch: Batch, position: int, call: CapabilityCall) -> NewExecution:
    return NewExecution(
        tenant_id=batch.tenant_id,
        capability=call.capability,
        input=call.input,
        reason=call.reason,
        requested_by=batch.requested_by_id,
        batch_id=batch.id,
        batch_position=position,
    )


def _allowed(calls: Sequence[NewExecution], given: NewBatch) -> list[Decided]:
    """Return what policies make of the calls.

    Raises what the first is refused with, and asks nothing about those after it. In the middle of a
    batch nobody can be asked first: a call that needs the agreement of others is refused too, and
    may be asked for by itself. Where there is no time to ask, no policy has denied anything.
    """
    try:
        decided = decided_on_many(calls)
    except NotAskedYet:
        if given.may_ask():
            raise
        raise _too_many() from None
    last = decided[-1]
    if last.refusal is not None:
        raise _too_many() if last.left_out else last.refusal
    said = _("others have to agree to it first: ask for it by itself, not in a batch")
    waits = [
        FieldError(f"/calls/{position}", said, "approval_required")
        for position, each in enumerate(decided)
        if each.waits
    ]
    if waits:
        raise Invalid(_("The batch cannot be done like this."), errors=waits[:MAX_GATHERED])
    return decided


def _too_many() -> Invalid:
    said = _("the policies could not be asked about so many calls in time: send fewer at once")
    return Invalid.field("/calls", said, code="policies_too_slow")


def _check(
    wanted: Sequence[CapabilityCall], calls: Sequence[NewExecution], authority: Authority
) -> None:
    """Raise NotPermitted where any call is not for this person to request, and Invalid with what is
    wrong with any, below `/calls/N`; nothing is written yet."""
    found: list[FieldError] = []
    asked: dict[tuple[str, bool], Invalid | None] = {}
    for position, call in enumerate(wanted):
        # Whether it undoes something is asked of the database: once for each capability.
        key = (call.capability, bool(call.reason))
        if key not in asked:
            asked[key] = _refused(check_requester, calls[position].tenant_id, call, authority)
        found += _at(position, asked[key])
    together = beyond_limits(
        [call.model_dump() for call in wanted], "/calls", limit=CALLS_BYTES, depth=CALLS_DEPTH
    )
    if together is not None:
        found = [together]
    elif not found:
        found = [
            each
            for position, new in enumerate(calls)
            for each in _at(position, _refused(check_new, new))
        ]
    if found:
        raise Invalid(_("The batch cannot be done like this."), errors=found[:MAX_GATHERED])


def _refused(check: Callable[..., None], *about: Any) -> Invalid | None:
    """Return what a check has against one call."""
    try:
        check(*about)
    except Invalid as refusal:
        return refusal
    return None


def _at(position: int, refusal: Invalid | None) -> list[FieldError]:
    """Return the same at the place of that call."""
    errors = () if refusal is None else refusal.errors
    return [
        FieldError(f"/calls/{position}{each.pointer}", each.message, each.code) for each in errors
    ]
