"""What is measured: a world with two work items, one for each side of the comparison."""

from __future__ import annotations

import uuid

from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.acting import ActingUser
from accounts.actions import add_member, create_tenant, create_user
from workitems import actions
from workitems.actions.creating import Wanted


class Subject:
    """One tenant, one analyst, and two items the analyst has started."""

    def __init__(self) -> None:
        tag = uuid.uuid4().hex[:8]
        system = create_tenant(f"bench-{tag}", "Benchmark")
        self.analyst: ActingUser = add_member(
            create_user(f"analyst-{tag}", password=None), groups=["analysts"], acting_user=system
        )
        self.ours, self.theirs = (self._started() for _ in range(2))

    def _started(self) -> uuid.UUID:
        wanted = Wanted(title="Check identity of applicant", candidate_groups=["analysts"])
        item = actions.create_work_item(wanted, acting_user=self.analyst)
        actions.start(item.id, acting_user=self.analyst)
        return item.id

    def run(self, transitions: int) -> None:
        """Stop and start our item, `transitions` times in all (an even number)."""
        for _ in range(transitions // 2):
            actions.stop(self.ours, acting_user=self.analyst)
            actions.start(self.ours, acting_user=self.analyst)

    def count_statements(self) -> int:
        """Return the statements of one transition, transaction control aside."""
        with CaptureQueriesContext(connection) as captured:
            actions.stop(self.ours, acting_user=self.analyst)
        actions.start(self.ours, acting_user=self.analyst)
        control = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
        return sum(not q["sql"].startswith(control) for q in captured.captured_queries)

    def ceiling_variables(self) -> dict[str, uuid.UUID]:
        """Return what the ceiling script is told."""
        if self.analyst.membership_id is None:
            raise RuntimeError("the analyst is a member")
        return {
            "tenant": self.analyst.tenant_id,
            "item": self.theirs,
            "actor": self.analyst.actor_id,
            "membership": self.analyst.membership_id,
        }
