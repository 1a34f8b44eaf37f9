"""How a tenant's tree stands outside of itself: up to where it was put, or signed; what fails."""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from typing import Any, Final

from django.conf import settings
from django.db.models import OuterRef, Q, Subquery

from ledger.models import Checkpoint, LedgerTree, TreeWitness
from ledger.tree.anchoring import NIGHTLY_SECONDS
from ledger.tree.witnessing import STAMPS

_NEVER: Final = dt.datetime.max.replace(tzinfo=dt.UTC)


@dataclasses.dataclass(frozen=True, slots=True)
class TreeStanding:
    """What is known of a tree outside of itself: its name, up to where it is anchored, why it is
    not gone on with (`trouble`), and why it could not be anchored last (`last_error`).

    `overdue_since`: from when on it should have been, None where there is nothing to put outside.
    """

    origin: str
    sealed_size: int
    anchored_size: int
    anchored_at: dt.datetime | None
    trouble: str
    last_error: str
    overdue_since: dt.datetime | None


def tree_standing(tenant_id: uuid.UUID) -> TreeStanding | None:
    """Return how a tenant's tree stands, None before its first entry was sealed. Two statements.

    Where nothing is wrong with the tree itself, it says of the folder and those who sign outside
    who contradicts it, else who has been waited for the longest.
    """
    rows = LedgerTree.objects.filter(tenant_id=tenant_id)
    row = rows.annotate(first_at=_first_after("anchored_size")).first()
    if row is None:
        return None
    owed = _owed(row.first_at, row.anchored_at, dt.timedelta(), nightly=True)
    found = TreeStanding(
        row.origin, row.sealed_size, row.anchored_size, row.anchored_at, row.trouble,
        row.last_error, owed,
    )  # fmt: skip
    wrong = Q(last_error__gt="") | Q(trouble__gt="")
    # Whom nobody asks any more contradicts nobody.
    asked = [each.name for each in settings.AMENDS_WITNESSES]
    asked += [STAMPS] if settings.AMENDS_TIMESTAMP_URL else []
    named = TreeWitness.objects.filter(wrong, tenant_id=tenant_id, name__in=asked)
    witnesses = named.order_by("name")
    failing = [_as_of(found, each) for each in witnesses.annotate(first_at=_first_after("size"))]
    if found.trouble or not failing:
        return found
    return min([found, *failing] if found.last_error else failing, key=_urgency)


def _first_after(size: str) -> Subquery:
    """Return when the first checkpoint was signed that is larger than a column says."""
    later = Checkpoint.objects.filter(tenant_id=OuterRef("tenant_id"), size__gt=OuterRef(size))
    return Subquery(later.order_by("size").values("at")[:1])


def _owed(
    first_at: dt.datetime | None,
    last_at: dt.datetime | None,
    after: dt.timedelta,
    *,
    nightly: bool,
) -> dt.datetime | None:
    """Return when the first checkpoint that is not outside had to be, `after` it was signed, or
    when what is outside had to be compared again, whatever came first."""
    owed = [] if first_at is None else [first_at + after]
    if nightly and last_at is not None:
        owed.append(last_at + dt.timedelta(seconds=NIGHTLY_SECONDS))
    return min(owed, default=None)


def _as_of(tree: TreeStanding, witness: Any) -> TreeStanding:
    # Nobody is asked more often than settings say, and for stamps not where nothing is newer.
    stamps = witness.name == STAMPS
    often = settings.AMENDS_TIMESTAMP_SECONDS if stamps else settings.AMENDS_WITNESS_SECONDS
    after = dt.timedelta(seconds=often)
    return dataclasses.replace(
        tree, trouble=witness.trouble, anchored_at=witness.signed_at,
        last_error=f"{witness.name}: {witness.last_error or witness.trouble}",
        overdue_since=_owed(witness.first_at, witness.signed_at, after, nightly=not stamps),
    )  # fmt: skip


def _urgency(standing: TreeStanding) -> tuple[bool, dt.datetime]:
    return not standing.trouble, standing.overdue_since or _NEVER
