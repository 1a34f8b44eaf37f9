"""The causal chain of a case: what was done, what undoes it, and what will undo the rest.

The drawing, the table and the files come from the same nodes.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Sequence
from typing import Any

from cases import selectors
from cases.lifecycle import LIVE_RUNS, StepStatus
from cases.models import CompensationRun
from cases.selectors import ShownStep
from cases.words import title_of
from workitems.chain import Chain, ChainNode, chain_of_case, table

# How far a planned undo is called where a node's status is asked for.
_NOT_STARTED = {"work_item": "PENDING", "execution": "PENDING"}


def of_case(case_id: uuid.UUID) -> Chain:
    """Return the chain of a case with what its live run has planned. A few queries, any size."""
    chain = chain_of_case(case_id)
    live = [run for run in selectors.runs_of_case(case_id) if run.status in LIVE_RUNS]
    if not live:
        return chain
    return with_planned(chain, selectors.show_run(live[0]).steps, live[0])


def with_planned(chain: Chain, steps: Sequence[ShownStep], run: CompensationRun) -> Chain:
    """Add a node for each planned step that has not begun, in the order of undoing."""
    known = {node.id for node in chain.nodes}
    taken = max((node.order for node in chain.nodes if node.lane == "undo"), default=0)
    planned = [
        each.step
        for each in steps
        if each.step.status == StepStatus.PLANNED and each.step.original_id in known
    ]
    later = [
        ChainNode(
            type="work_item" if step.mode == "human" else "execution",
            id=step.id,
            name=title_of(step.original_name),
            lane="undo",
            order=taken + at,
            status=_NOT_STARTED["work_item"],
            compensation_state="NONE",
            completion_seq=None,
            who=None,
            at=run.started_at,
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
    planned = {str(node.id) for node in chain.nodes if node.lane == "undo" and _only_planned(node)}
    return [
        {**row, "status": "PLANNED", "kind": "step", "at": None} if row["id"] in planned else row
        for row in table(chain)
    ]


def _only_planned(node: ChainNode) -> bool:
    return not node.started and node.compensation_state == "NONE"
