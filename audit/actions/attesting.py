"""Attestations: somebody vouches for an entry, doubts it, or marks it to be looked at.

An attestation is an entry itself, of the same subject as the one that it is about, which it names
by id and hash: what was vouched for cannot be exchanged afterwards. The subject does not change.
"""

from __future__ import annotations

import uuid
from typing import Annotated, Any, Final, Literal

from django.utils.translation import gettext as _

from accounts.acting import Authority
from accounts.roles import Role
from audit.actions.entry_signing import Signature, checked_signature
from audit.actions.said_of_entries import KIND, say_of
from ledger.entry_signatures import PAYLOAD
from ledger.errors import Conflict, NotFound, NotPermitted
from ledger.selectors import all_entries
from verbs import catalogue
from verbs.input import UNASKED, Input, Text
from verbs.operation import operation
from verbs.shell import VerbContext
from verbs.subject import Locked, known, subject_of
from web.entries import ENTRY

#: By verdict the action of the entry that says it: the verdict is part of what is hashed.
ACTIONS: Final = {"ENDORSED": "endorsed", "CHALLENGED": "challenged", "FLAGGED": "flagged"}
#: What entries may be about that are attested: kinds of a tenant's things whose rows are locked
#: by their ids. What can be recorded is declared before other apps have said what they have.
ATTESTABLE: Final = frozenset(
    "work_item execution batch case compensation_run approval actor".split()
)
VERDICTS: Final = {action: verdict for verdict, action in ACTIONS.items()}


class Attest(Input):
    """What is said of an entry, and how it can be proved; signed, if a `signature` over it in that
    meaning is given."""

    verdict: Literal["ENDORSED", "CHALLENGED", "FLAGGED"]
    evidence: Text
    signature: Annotated[Signature | None, UNASKED] = None


def auditor(_row: Any, authority: Authority, _facts: Any) -> str | None:
    """Relate those who audit."""
    return "" if Role.AUDITOR.value in authority.roles else None


def approver(_row: Any, authority: Authority, _facts: Any) -> str | None:
    """Relate those who approve."""
    return "" if Role.APPROVER.value in authority.roles else None


def locked_entry(tenant_id: uuid.UUID, entry_id: uuid.UUID) -> Locked:
    """Return an entry with the row that it is about locked: no other entry about that is written
    until the attestation is. Raises NotFound."""
    found = all_entries(tenant_id).filter(id=entry_id).first()
    if found is None:
        raise NotFound(_("There is no such entry."))
    return Locked(found, _lock_subject(found))


def attestable(type_: str) -> bool:
    """Whether entries about a kind of thing can be attested."""
    return type_ in ATTESTABLE and known(type_) is not None


def _lock_subject(entry: Any) -> bool:
    """Lock what an entry is about; False where that cannot be, or it is not there any more."""
    if not attestable(entry.subject_type):
        return False
    try:
        subject_of(entry.subject_type).lock(entry.tenant_id, entry.subject_id)
    except NotFound:
        return False
    return True


@catalogue.verb(
    ENTRY, operation("attest", None, None, "auditor operator approver"), action="endorsed",
    given=Attest, route="attestations", status=201,
    # An auditor's word about the record is their work: it changes nothing that it is about.
    of_oneself=True,
)  # fmt: skip
def attest(entry: Any, given: Attest, context: VerbContext) -> Any:
    """Vouch for an entry (ENDORSED), doubt it (CHALLENGED) or mark it to be looked at (FLAGGED).

    With evidence, and a signature if one is given. Nobody endorses what they did, or had done,
    themselves.
    """
    if not context.others:
        raise Conflict(_("What it is about can not be attested."), code="not_attestable")
    me = context.by
    if given.verdict == "ENDORSED" and me.id in {entry.actor_id, entry.on_behalf_of_id}:
        raise NotPermitted(_("Nobody vouches for what they did themselves."), code="own_entry")
    said = all_entries(entry.tenant_id)
    before = said.filter(kind=KIND, caused_by_id=entry.id, actor_id=me.id).order_by("-subject_seq")
    # Under the lock: of two at once the second sees what the first has said.
    last = before.first()
    if last is not None and last.action == ACTIONS[given.verdict]:
        raise Conflict(_("You have said so already."), code="already_attested")
    payloads: dict[str, Any] = {"evidence": given.evidence}
    if given.signature is not None:
        word = ACTIONS[given.verdict]
        payloads[PAYLOAD] = checked_signature(entry, given.signature, word, me.id, at="/signature")
    return say_of(entry, ACTIONS[given.verdict], me, payloads)
