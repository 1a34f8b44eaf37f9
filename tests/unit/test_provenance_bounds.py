"""A provenance document grows with what it tells of, and is bounded; made from entries alone."""

from __future__ import annotations

import datetime as dt
import hashlib
import uuid
from typing import Any

from prov.constants import PROV_INVALIDATION

from audit.provenance.entries_around import Told
from audit.provenance.prov_document import prov_document
from ledger.record import EntryRef
from ledger.selectors import Entry
from tests.provenance_read import relations, wrong_sides

FINISHING = {"work_item": frozenset({"completed"})}
START = dt.datetime(2026, 3, 1, tzinfo=dt.UTC)
WHO, TENANT, CASE, RUN = (uuid.UUID(int=n) for n in range(1, 5))


class Book:
    """Entries as they would be read, one after the other."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []

    def enter(self, subject: tuple[str, uuid.UUID], action: str, **said: Any) -> EntryRef:
        """Add one, and return the link to it."""
        n = len(self.entries) + 1
        id_ = uuid.UUID(int=10_000_000 + n)
        hash_ = hashlib.sha256(id_.bytes).digest()
        told = {
            "kind": "TRANSITION", "from_status": "", "to_status": "", "actor_id": WHO,
            "actor_type": "HUMAN", "actor_role": "member", "on_behalf_of_id": None,
            "caused_by": None, "original": None, "correlation_id": CASE, "case_id": CASE,
            "completion_seq": None, "compensation": None, "payloads": {}, "committed": (),
            "tree_index": None, "body": b"", **said,
        }  # fmt: skip
        self.entries.append(
            Entry(
                id=id_, tenant_id=TENANT, subject_type=subject[0], subject_id=subject[1],
                subject_seq=n, subject_version=n, action=action, hash=hash_, previous_hash=None,
                at=START + dt.timedelta(seconds=n), **told,
            )
        )  # fmt: skip
        return EntryRef(id_, hash_)


def undone_case(steps: int) -> Book:
    """Return the book of a case of so many steps, each done and undone by people."""
    book, block = Book(), {"run": str(RUN), "mode": "human", "strategy": "restore"}
    cause = book.enter(("case", CASE), "opened")
    done = []
    for n in range(steps):
        item = ("work_item", uuid.UUID(int=1000 + n))
        book.enter(item, "created", caused_by=cause)
        cause = book.enter(item, "completed", completion_seq=n + 1, to_status="COMPLETED",
                           payloads={"outcome": "x" * 100_000})  # fmt: skip
        done.append((item, cause))
    begun = book.enter(("compensation_run", RUN), "compensation_started", kind="COMPENSATION")
    for n, (item, finished) in enumerate(reversed(done)):
        how: Any = {
            "kind": "COMPENSATION",
            "original": finished,
            "compensation": {**block, "step": n + 1},
        }
        task = ("work_item", uuid.UUID(int=500_000 + n))
        asked = book.enter(item, "compensation_started", caused_by=begun, **how)
        book.enter(task, "created", caused_by=asked, **how)
        ended = book.enter(task, "completed", to_status="COMPLETED", **how)
        begun = book.enter(item, "compensation_completed", to_status="COMPENSATED",
                           caused_by=ended, **how)  # fmt: skip
    return book


def document_of(steps: int) -> Any:
    told = Told(undone_case(steps).entries, [])
    return prov_document(told, finishing=FINISHING, titles={}, usernames={WHO: "vega"})


def test_a_case_of_a_thousand_steps_is_told_whole_and_in_proportion() -> None:
    hundred, thousand = document_of(100), document_of(1000)
    assert wrong_sides(thousand) == []
    assert len(relations(thousand, PROV_INVALIDATION)) == 1000
    small, large = (len(each.get_records()) for each in (hundred, thousand))
    # Of a step: two outcomes, two activities, and the nine relations between them and whoever did
    # it; once: the case, the rollback, their two associations, and the agent.
    assert (small, large) == (13 * 100 + 5, 13 * 1000 + 5)
    # However long what people said was: a text is cut at two thousand characters.
    for how in ("json", "provn", "jsonld"):
        assert len(thousand.serialize(format=how)) < 12_000_000
