"""Showing checkpoints to who signs them outside: witnesses, and an authority of time stamps.

A due row each and tenant, so that one that is down, refuses or lies keeps nobody else waiting, and
nobody's work. What it says is checked before it is kept; what it says of a tree that ours cannot be
is its `trouble`. No number that nobody signed stops the sealing: a witness that lies would.
"""

from __future__ import annotations

import functools
import logging
import secrets
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography import x509
from django.conf import settings
from django.db import connection

from egress import calls
from egress.addresses import networks
from ledger.clock import now
from ledger.dispatch.lease_table import Due, LeaseTable
from ledger.faults import words_of
from ledger.ids import new_token
from ledger.models import Countersignature, LedgerTree, TreeWitness
from ledger.tenancy import system_scope
from ledger.tree.cosignatures import Unsigned, Witness, cosignature, request, size_said
from ledger.tree.stored_tree import StoredCheckpoint, Torn, consistency_proof, newest_checkpoint
from ledger.tree.timestamps import QUERY, Unstamped, query, stamped

log = logging.getLogger(__name__)
WITNESSES = LeaseTable("ledger_treewitness", "id", scope="seal")
#: The name of the authority of time stamps among those who sign.
STAMPS = "rfc3161"
_LEASE_SECONDS = 120.0
_NIGHTLY_SECONDS = 86_400.0
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 5.0, 900.0
#: A pause is doubled so often at most: after weeks of failures it would be no number any more.
MOST_DOUBLINGS = 20
_ERROR_LENGTH = 300
_OK, _CONFLICT = 200, 409
_NONCE_BITS = 64
_LIMITS = calls.Limits(read=15.0, whole=30.0, most_bytes=200_000)
# Not before its own time, and not before a failed attempt's: a witness is not asked each portion.
_TO_BE_SHOWN = """
INSERT INTO ledger_treewitness AS w (id, tenant_id, name)
SELECT gen_random_uuid(), %(tenant)s, u.name FROM unnest(%(names)s::text[]) u(name)
ON CONFLICT (tenant_id, name) DO UPDATE SET due_at = least(w.due_at, greatest(ledger_now(),
    w.asked_at + make_interval(secs => CASE w.name WHEN %(stamps)s THEN %(rarely)s
                                       ELSE %(often)s END)))
WHERE w.attempts = 0
"""


class Refused(Exception):
    """It was asked, and does not sign; in words."""


class Contradicts(Refused):
    """It says of our tree what cannot be true of it as it is here."""


def to_be_shown(tenant_id: uuid.UUID, only: str | None = None) -> None:
    """Let a tenant's newest checkpoint be shown to whoever signs such, or to one of them alone, in
    the caller's transaction and the scope of sealing."""
    names = sorted(each.name for each in settings.AMENDS_WITNESSES)
    names += [STAMPS] if settings.AMENDS_TIMESTAMP_URL else []
    names = [name for name in names if only in {None, name}]
    if names:
        given: dict[str, Any] = {
            "tenant": tenant_id, "names": names, "stamps": STAMPS,
            "often": settings.AMENDS_WITNESS_SECONDS, "rarely": settings.AMENDS_TIMESTAMP_SECONDS,
        }  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(_TO_BE_SHOWN, given)


def witness_due(tenant_id: uuid.UUID, id_: uuid.UUID) -> bool:
    """Show one who signs the newest checkpoint of a tenant; whether the row was due."""
    due = Due(tenant_id, id_, new_token())
    with system_scope("seal"):
        if not WITNESSES.take(due, _LEASE_SECONDS):
            return False
        row = TreeWitness.objects.get(tenant_id=tenant_id, id=id_)
        newest = newest_checkpoint(tenant_id)
        tree = LedgerTree.objects.filter(tenant_id=tenant_id).first()
    found, error, trouble = None, "", ""
    # A tree that is not gone on with is shown to nobody.
    if newest is not None and tree is not None and not tree.trouble:
        try:
            found = _asked(row, newest)
        except Contradicts as said:
            error = trouble = str(said)[:_ERROR_LENGTH]
        except _FAILURES as failed:
            error = words_of(failed, _ERROR_LENGTH)
    _settle(due, row, found, error=error, trouble=trouble)
    return True


_FAILURES = (
    Refused, Unsigned, Unstamped, Torn, calls.Refused, calls.NotSent, calls.NoAnswer, OSError,
    ValueError,
)  # fmt: skip


def _asked(row: TreeWitness, newest: StoredCheckpoint) -> Countersignature | None:
    """Return what is signed of the newest checkpoint; None where there is nobody to ask."""
    if row.size > newest.size:
        raise Contradicts(
            f"ROLLBACK: {row.name} has signed {row.size} entries, in the database there are"
            f" {newest.size}"
        )
    if row.name == STAMPS:
        return _stamp(row, newest) if newest.size > row.size else None
    named = {each.name: each for each in settings.AMENDS_WITNESSES}
    return _cosigned(named[row.name], row, newest) if row.name in named else None


def _cosigned(witness: Witness, row: TreeWitness, newest: StoredCheckpoint) -> Countersignature:
    """Ask a witness, and once more where it says that it knows another tree than we thought."""
    answer = _shown(witness, row, newest, row.size)
    size = _known(witness, answer, row.size, newest)
    if size is not None and size != row.size:
        log.warning("%s knows %s entries of a tree, not %s", witness.name, size, row.size)
        answer = _shown(witness, row, newest, size)
        _known(witness, answer, size, newest)
    if answer.status != _OK:
        raise Refused(f"{witness.name} does not sign: it answered {answer.status}")
    signed = cosignature(witness, newest.note, answer.body, now())
    return Countersignature(
        tenant_id=row.tenant_id, size=newest.size, name=witness.name, kind="witness",
        said=signed.line.encode(), at=signed.at,
    )  # fmt: skip


def _known(
    witness: Witness, answer: calls.Answer, old: int, newest: StoredCheckpoint
) -> int | None:
    """Return how many entries a witness knows that was asked to go on from `old`, where it says
    that these are others (409). Raises Contradicts where our tree cannot be what it knows."""
    if answer.status != _CONFLICT:
        return None
    size = size_said(answer.body)
    if size is not None and size > newest.size:
        raise Contradicts(
            f"ROLLBACK: {witness.name} says that it has signed {size} entries, in the"
            f" database there are {newest.size}"
        )
    # Only of the very size that it was shown does it say that the root is another, and then it
    # need not name a size (C2SP tlog-witness). Of an older one it has not been told the root.
    if old == newest.size and size in {None, old}:
        raise Contradicts(f"REWRITTEN: {witness.name} has signed another tree of this size")
    return size


def _shown(witness: Witness, row: TreeWitness, newest: StoredCheckpoint, old: int) -> calls.Answer:
    with system_scope("seal"):
        proof = consistency_proof(row.tenant_id, old, newest.size, stored=newest.size)
    body = request(old, proof, newest.note)
    return _posted(f"{witness.url}/add-checkpoint", body, {"content-type": "text/plain"})


def _stamp(row: TreeWitness, newest: StoredCheckpoint) -> Countersignature:
    nonce, text = secrets.randbits(_NONCE_BITS), text_of(newest.note)
    answer = _posted(settings.AMENDS_TIMESTAMP_URL, query(text, nonce), {"content-type": QUERY})
    if answer.status != _OK:
        raise Refused(f"no time stamp: it answered {answer.status}")
    path = Path(settings.AMENDS_TIMESTAMP_CA)
    token, at = stamped(answer.body, text, nonce, _trusted(path, path.stat().st_mtime_ns), now())
    return Countersignature(
        tenant_id=row.tenant_id, size=newest.size, name=STAMPS, kind="timestamp", said=token, at=at
    )


def text_of(note: str) -> str:
    """Return what a note says, without its signatures: what a time stamp is of."""
    return note.partition("\n\n")[0] + "\n"


@functools.lru_cache(maxsize=4)
def _trusted(path: Path, _changed: int) -> tuple[x509.Certificate, ...]:
    return tuple(x509.load_pem_x509_certificates(path.read_bytes()))


def _posted(url: str, body: bytes, headers: Mapping[str, str]) -> calls.Answer:
    allowed = networks(settings.AMENDS_EGRESS_ALLOW)
    return calls.call("POST", url, headers=headers, body=body, limits=_LIMITS, allowed=allowed)


def _settle(
    due: Due, row: TreeWitness, found: Countersignature | None, *, error: str, trouble: str
) -> None:
    if error:
        log.error("%s has not signed the tree of tenant %s: %s", row.name, due.tenant_id, error)
    with system_scope("seal"):
        if not WITNESSES.is_ours(due):
            log.warning("showing the tree of tenant %s was taken over", due.tenant_id)
            return
        row.asked_at, row.last_error = now(), error
        if trouble or found is not None:
            # Silence takes nothing back: a contradiction stays until something is signed again.
            row.trouble = trouble
        row.attempts = row.attempts + 1 if error else 0
        if found is not None:
            # Asked again of the same checkpoint, it has said so already.
            Countersignature.objects.bulk_create([found], ignore_conflicts=True)
            row.size, row.signed_at = found.size, found.at
        row.save(
            update_fields=["asked_at", "last_error", "trouble", "attempts", "size", "signed_at"]
        )
        doubled = _FIRST_PAUSE_SECONDS * 2.0 ** min(row.attempts - 1, MOST_DOUBLINGS)
        pause = min(doubled, _LONGEST_PAUSE_SECONDS)
        WITNESSES.put_back(due.tenant_id, due.id, pause if error else _NIGHTLY_SECONDS)
        # While it was asked, more may have been sealed: what the sealer wrote of this row then is
        # overwritten above. Only this row, which is locked: another that settles, or the sealer,
        # which takes all of a tenant's in their order, may hold the others and wait for this one.
        newer = LedgerTree.objects.filter(
            tenant_id=due.tenant_id, sealed_size__gt=row.size, trouble=""
        )
        if not error and newer.exists():
            to_be_shown(due.tenant_id, only=row.name)
