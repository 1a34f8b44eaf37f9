"""The verbs about retention: for how long payloads of one kind are kept.

It is recorded of the organisation. Entries are never removed.
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Annotated, Any, Final, get_args

from django.utils.translation import gettext as _
from pydantic import Field

from accounts import actions as accounts
from ledger.durations import DURATION, DurationError, format_duration, parse_duration
from ledger.erasure.retention import end_retention, retentions, set_retention
from ledger.errors import Conflict, Invalid, NotFound
from ledger.vocabulary import Prunable
from verbs import catalogue
from verbs.input import Input, Nothing
from verbs.operation import operation
from verbs.shell import VerbContext
from verbs.subject import Locked

RETENTION: Final = "retention"
PRUNABLE: Final = tuple(sorted(get_args(Prunable)))
LEAST: Final = dt.timedelta(days=1)


class NewRetention(Input):
    """Which kind of entry, and for how long what it keeps stays: days as ISO 8601, `P365D`."""

    kind: Prunable
    keep: Annotated[
        str, Field(min_length=1, max_length=40, json_schema_extra={"pattern": DURATION})
    ]


def locked_retention(tenant_id: uuid.UUID, id_: uuid.UUID) -> Locked:
    """Lock the organisation, of which it is recorded, and then the policy. Raises NotFound."""
    accounts.lock_tenant(tenant_id)
    row = retentions(tenant_id).filter(id=id_).select_for_update().first()
    if row is None:
        raise NotFound
    return Locked(row)


@catalogue.verb(
    RETENTION, operation("set", None, None, "tenant_admin"), action="retention_set",
    given=NewRetention, creates=True, status=201, page=False, again_on="ledger_retention_once",
    dangerous=True,
    no_button="Its form stands on the page of retention.",
)  # fmt: skip
def set_policy(_row: None, given: NewRetention, context: VerbContext) -> Any:
    """Keep payloads of entries of a kind for so long and no longer.

    What is older is pruned for good, first a day after this: until then it can be ended and nothing
    is gone. The entries and their hashes stay, and so does what a legal hold keeps, or what still
    goes on.
    """
    tenant_id = context.authority.tenant_id
    keep = _duration(given.keep)
    accounts.lock_tenant(tenant_id)
    if retentions(tenant_id).filter(kind=given.kind, ended_at=None).exists():
        said = _("There is a policy for this kind; end it first.")
        raise Conflict(said, code="already_set")
    payloads: dict[str, object] = {"kind": given.kind, "keep": keep}
    accounts.note_on_tenant(tenant_id, "retention_set", by=context.by, payloads=payloads)
    return set_retention(tenant_id, given.kind, keep, context.authority.actor_id)


def _duration(text: str) -> str:
    try:
        found = parse_duration(text)
    except DurationError as wrong:
        said = _("must be a duration of days, such as P365D: %(why)s") % {"why": str(wrong)}
        raise Invalid.field("/keep", said, code="no_duration") from None
    if found < LEAST:
        raise Invalid.field("/keep", _("must be at least P1D"), code="too_short")
    return format_duration(found)


def _in_force(row: Any, _facts: Any, _given: Any) -> Conflict | None:
    if row.ended_at is None:
        return None
    return Conflict(_("It has ended already."), code="already_ended")


@catalogue.verb(
    RETENTION, operation("end", None, None, "tenant_admin"), action="retention_ended",
    method="DELETE", state=_in_force,
)  # fmt: skip
def end_policy(row: Any, _given: Nothing, context: VerbContext) -> Any:
    """Prune no more of this kind. What is gone does not come back."""
    payloads: dict[str, object] = {"kind": row.kind, "keep": row.keep}
    accounts.note_on_tenant(row.tenant_id, "retention_ended", by=context.by, payloads=payloads)
    end_retention(row, context.authority.actor_id)
    return row
