"""What has come for steps of cases, and waits until these are free: for pages and API."""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Sequence

from cases.definitions import CompiledDefinition
from cases.lifecycle import LISTENING
from cases.models import Case
from compensation.sentences import title_of
from ledger.clock import rfc3339
from ledger.statements import fetched


@dataclasses.dataclass(frozen=True, slots=True)
class Waiting:
    """So many signals, events or moments (`heard`) wait for a step, the first since then."""

    step: str
    heard: str
    count: int
    since: dt.datetime

    @property
    def title(self) -> str:
        """The step as people call it."""
        return title_of(self.step)

    def to_json(self) -> dict[str, object]:
        """Return it as the API shows it."""
        return {
            "step": self.step, "heard": self.heard, "count": self.count,
            "since": rfc3339(self.since),
        }  # fmt: skip


_WAITING = """
SELECT case_id, binding, heard, count(*), min(created_at) FROM cases_arrival
WHERE tenant_id = %s AND case_id = ANY(%s) AND status = 'WAITING'
GROUP BY case_id, binding, heard ORDER BY min(created_at), binding, heard
"""


def waiting_arrivals(
    rows: Sequence[Case], compiled: dict[uuid.UUID, CompiledDefinition]
) -> dict[uuid.UUID, list[Waiting]]:
    """Return what waits in each of these cases of one tenant, those that are over aside: one query,
    and none where no definition hears anything. `compiled`: their definitions by id."""
    listening = [
        row.id for row in rows if row.status in LISTENING and compiled[row.definition_id].listening
    ]
    found: dict[uuid.UUID, list[Waiting]] = {row.id: [] for row in rows}
    if listening:
        for case_id, *said in fetched(_WAITING, [rows[0].tenant_id, listening]):
            found[case_id].append(Waiting(*said))
    return found
