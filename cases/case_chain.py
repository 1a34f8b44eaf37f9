"""The causal chain of a case: what was done, what undoes it, and what will undo the rest.

The drawing, the table and the files come from the same nodes.
"""

from __future__ import annotations

import dataclasses
from typing import Any

from django.urls import reverse

from cases.models import Case
from compensation.lifecycle import LIVE_RUNS, StepStatus
from compensation.selectors import RunWithSteps, one_with_steps, runs_in
from compensation.sentences import title_of
from web.graph import Figure
from workitems.chain import Chain, ChainNode, chain_of_case, figure, table


def of_case(case: Case) -> Chain:
    """Return the chain of a case with what its live run has planned. A few queries, any size."""
    chain = chain_of_case(case.tenant_id, case.id)
    live = [run for run in runs_in(case.tenant_id, case.id) if run.status in LIVE_RUNS]
    return with_planned(chain, one_with_steps(live[0])) if live else chain


def figure_of(case: Case, label: str) -> Figure | None:
    """Return the drawing of a case, None as long as nothing of it is finished."""
    found = of_case(case)
    url = reverse("cases:chain", args=[case.id])
    return figure(found, label=label, table_url=url) if found.nodes else None


def with_planned(chain: Chain, run: RunWithSteps) -> Chain:
    """Add a node for each planned step that has not begun, in the order of undoing."""
    known = {node.id for node in chain.nodes}
    taken = max((node.order for node in chain.nodes if node.lane == "undo"), default=0)
    planned = [
        each.step
        for each in run.steps
        if each.step.status == StepStatus.PLANNED and each.step.original_id in known
    ]
    later = [
        ChainNode(
            type="work_item" if step.mode == "human" else "execution",
            id=step.id,
            name=title_of(step.original_name),
            lane="undo",
            order=taken + at,
            status="PENDING",
            compensation_state="NONE",
            completion_seq=None,
            who=None,
            at=run.run.started_at,
            undoes=step.original_id,
            outcome=None,
            started=False,
            focus=False,
        )
        for at, step in enumerate(planned, start=1)
    ]
    return dataclasses.replace(chain, nodes=(*chain.nodes, *later))


def rows(chain: Chain) -> list[dict[str, Any]]:
    """Return the rows of `graph/table.html`; what is only planned is shown as a step not begun."""
    planned = {
        str(node.id)
        for node in chain.nodes
        if node.lane == "undo" and not node.started and node.compensation_state == "NONE"
    }
    own = {"status": "PLANNED", "kind": "step", "at": None}
    return [row | own if row["id"] in planned else row for row in table(chain)]
