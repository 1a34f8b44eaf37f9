"""What is measured: a world with two work items, one for each side of the comparison."""

from __future__ import annotations

import uuid

from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.acting import ActingUser
from accounts.actions import create_tenant, create_user
from people.actions import add_member
from verbs.call import Call
from workitems import actions


class Subject:
    """One tenant, one analyst, and two items the analyst has started."""

    def __init__(self) -> None:
        tag = uuid.uuid4().hex[:8]
        system = create_tenant(f"bench-{tag}", "Benchmark")
        self.analyst: ActingUser = add_member(
            call=Call(system),
            username=create_user(f"analyst-{tag}", password=None).username,
            groups=["analysts"],
        )
        self.call = Call(self.analyst)
        self.ours, self.theirs = (self._started() for _ in range(2))

    def _started(self) -> uuid.UUID:
        item = actions.create_work_item(
            call=self.call, title="Check identity of applicant", candidate_groups=["analysts"]
        )
        actions.start(item.id, call=self.call)
        return item.id

    def run(self, transitions: int) -> None:
        """Stop and start our item, `transitions` times in all (an even number)."""
        for _ in range(transitions // 2):
            actions.stop(self.ours, call=self.call)
            actions.start(self.ours, call=self.call)

    def count_statements(self) -> int:
        """Return the statements of one transition, transaction control aside."""
        with CaptureQueriesContext(connection) as captured:
            actions.stop(self.ours, call=self.call)
        actions.start(self.ours, call=self.call)
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
