"""Causal chains: finished work in the order of completion, and what reverses it.

`build_chain` is pure and knows work items and executions alike, so the page of a case draws its
chain with it too; what else has its place in a case is told by upper apps (`register_beside`). What
is drawn, the table beside it and the API answer come from the same nodes.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from compensation.lifecycle import UNDER_WAY, CompensationState, Mode, StepStatus
from compensation.planning import UNDONE_OUTCOMES
from compensation.selectors import live_steps_in
from compensation.sentences import title_of
from compensation.words import outcome_label
from executions import selectors as execution_selectors
from executions.lifecycle import UNDISPATCHED, UNSUCCESSFUL, ExecutionStatus
from verbs.subject import Description, describe
from web import dot, graph
from web.templatetags.amends import state_label
from workitems import selectors
from workitems.lifecycle import FINAL, Status, is_begun
from workitems.models import WorkItem

PLANNED = "compensation_step"
_DONE = frozenset({Status.COMPLETED, ExecutionStatus.SUCCEEDED})
#: What became of something that was done, as a colour.
_BECAME: dict[str, graph.Tone] = {
    CompensationState.COMPENSATING: "undo",
    CompensationState.COMPENSATED: "done",
    CompensationState.COMPENSATION_FAULTED: "bad",
}


@dataclasses.dataclass(frozen=True, slots=True)
class ChainNode:
    """One work item or execution of a chain, or what an upper app adds, with its own `label`.
    `url` is its page, where that is known already.

    `order` is its place in its lane: of completion for forward work, of undoing for undo work,
    equal for the attempts at undoing one thing. `undoes` is the id of the node that it reverses.
    `program` is the name of what ran it, "" where a person is asked; `asked_groups` and
    `asked_people`, by username, who will be asked. One of type `compensation_step` is only planned.
    `settling`: its undo has ended, and the rollback it belongs to has not counted that yet.
    """

    type: str
    id: uuid.UUID
    name: str
    lane: graph.Lane
    order: int
    status: str
    compensation_state: str
    completion_seq: int | None
    who: uuid.UUID | None
    at: dt.datetime | None
    undoes: uuid.UUID | None
    outcome: str | None
    started: bool
    focus: bool
    program: str = ""
    asked_groups: Sequence[str] = ()
    asked_people: Sequence[str] = ()
    settling: bool = False
    label: str = ""
    url: str = ""

    @property
    def undid(self) -> bool:
        """Whether what it reverses is undone, and by this."""
        return self.lane == "undo" and self.compensation_state == CompensationState.COMPENSATED

    @property
    def became(self) -> str:
        """What became of what was done, as far as it counts."""
        undone = self.compensation_state == CompensationState.COMPENSATED
        return (
            CompensationState.COMPENSATING if self.settling and undone else self.compensation_state
        )

    @property
    def subject(self) -> tuple[str, uuid.UUID]:
        """The node's type and id."""
        return (self.type, self.id)


@dataclasses.dataclass(frozen=True, slots=True)
class Chain:
    """The nodes of a chain, forward lane first, each lane in its order."""

    tenant_id: uuid.UUID
    nodes: tuple[ChainNode, ...]

    @property
    def undos(self) -> dict[uuid.UUID, list[ChainNode]]:
        """The attempts at undoing each node, by the node's id."""
        found: dict[uuid.UUID, list[ChainNode]] = {}
        for node in self.nodes:
            if node.undoes is not None:
                found.setdefault(node.undoes, []).append(node)
        return found


# What else was finished in a case, by its tenant and id.
Beside = Callable[[uuid.UUID, uuid.UUID], Iterable[ChainNode]]
_beside: list[Beside] = []


def register_beside(nodes_of: Beside) -> None:
    """Add what an upper app knows to be finished in a case. Called in `AppConfig.ready()`."""
    _beside.append(nodes_of)


def with_forward(chain: Chain, nodes: Iterable[ChainNode]) -> Chain:
    """Add finished forward nodes, each at its place in the order of completion."""
    forward = [*(node for node in chain.nodes if node.lane == "forward"), *nodes]
    forward.sort(key=lambda node: (node.completion_seq is None, node.completion_seq or 0))
    placed = (dataclasses.replace(node, order=at) for at, node in enumerate(forward, start=1))
    undos = (node for node in chain.nodes if node.lane != "forward")
    return dataclasses.replace(chain, nodes=(*placed, *undos))


def chain_of(item: WorkItem) -> Chain:
    """Return the chain around a work item: its whole case, or without a case its own undoing.

    Runs in the caller's tenant scope; a constant number of queries.
    """
    if item.case_id is not None:
        return chain_of_case(item.tenant_id, item.case_id, focus=item.id)
    if item.undoes_id is None:
        return _alone(item, [item], [])
    if item.undoes_type == WorkItem.subject_type:
        return _alone(item, [selectors.get_bare(item.tenant_id, item.undoes_id)], [])
    return _alone(item, [], [execution_selectors.get(item.tenant_id, item.undoes_id)])


def chain_of_case(
    tenant_id: uuid.UUID, case_id: uuid.UUID, *, focus: uuid.UUID | None = None
) -> Chain:
    """Return the chain of a whole case, with what its live run has planned; `focus` marks one node,
    and shows it even unfinished."""
    chain = build_chain(
        tenant_id,
        list(selectors.in_case(tenant_id, case_id).prefetch_related(None)),
        execution_selectors.of_case(tenant_id, case_id),
        focus=focus,
    )
    beside = [node for nodes_of in _beside for node in nodes_of(tenant_id, case_id)]
    return with_planned(with_forward(chain, beside), live_steps_in(tenant_id, case_id))


def with_planned(chain: Chain, steps: Sequence[Any]) -> Chain:
    """Add a node for each planned step that has not begun, in the order of undoing; what its step
    does not count as undone yet is drawn as being undone."""
    known = {node.id for node in chain.nodes}
    taken = max((node.order for node in chain.nodes if node.lane == "undo"), default=0)
    planned = [
        step for step in steps if step.status == StepStatus.PLANNED and step.original_id in known
    ]
    later = (_planned(step, taken + at) for at, step in enumerate(planned, start=1))
    settling = {step.original_id for step in steps if step.status in UNDER_WAY}
    nodes = (
        dataclasses.replace(node, settling=not settling.isdisjoint({node.id, node.undoes}))
        for node in chain.nodes
    )
    return dataclasses.replace(chain, nodes=(*nodes, *later))


def _planned(step: Any, order: int) -> ChainNode:
    groups, users = (step.spec.get(f"candidate_{each}", ()) for each in ("groups", "users"))
    return ChainNode(
        type=PLANNED,
        id=step.id,
        name=title_of(step.binding or step.original_name),
        lane="undo",
        order=order,
        status=str(step.status),
        compensation_state=CompensationState.NONE,
        completion_seq=None,
        who=None,
        at=None,
        undoes=step.original_id,
        outcome=None,
        started=False,
        focus=False,
        program=(step.spec.get("capability") or "") if step.mode == Mode.AUTOMATED else "",
        asked_groups=tuple(groups),
        asked_people=tuple(users),
        url=reverse("compensation:run", args=[step.run_id]),
    )


def _alone(focus: WorkItem, items: Sequence[WorkItem], executions: Sequence[Any]) -> Chain:
    originals = [*(row.id for row in items), *(row.id for row in executions)]
    undo_tasks = selectors.undo_tasks_of(focus.tenant_id, originals)
    undo_runs = execution_selectors.undo_runs_of(focus.tenant_id, originals)
    return build_chain(
        focus.tenant_id, [*items, *undo_tasks.prefetch_related(None)], [*executions, *undo_runs],
        focus=focus.id, unfinished=True,
    )  # fmt: skip


def build_chain(
    tenant_id: uuid.UUID,
    items: Iterable[WorkItem],
    executions: Iterable[Any],
    *,
    focus: uuid.UUID | None = None,
    unfinished: bool = False,
) -> Chain:
    """Order rows into a chain. Pure.

    The forward lane holds finished work (and `focus`, and with `unfinished` everything), by
    completion number, then by time. The undo lane holds every attempt at undoing one of those, by
    the time at which the first attempt was opened.
    """
    rows = [*items, *executions]
    forward = [
        row
        for row in rows
        if row.undoes_id is None
        and (unfinished or row.completion_seq is not None or row.id == focus)
    ]
    forward.sort(key=_completion)
    shown = {row.id for row in forward}
    undos = sorted(
        (row for row in rows if row.undoes_id in shown), key=lambda row: (row.created_at, row.id)
    )
    # The first attempt at each original decides its place; dict keys keep that order.
    firsts = dict.fromkeys(row.undoes_id for row in undos)
    places: dict[Any, int] = {id_: at for at, id_ in enumerate(firsts)}
    undos.sort(key=lambda row: places[row.undoes_id])
    return Chain(
        tenant_id,
        (
            *(_node(row, at, focus) for at, row in enumerate(forward, start=1)),
            *(_node(row, places[row.undoes_id] + 1, focus) for row in undos),
        ),
    )


def _completion(row: Any) -> tuple[bool, int, dt.datetime, uuid.UUID]:
    return (row.completion_seq is None, row.completion_seq or 0, row.created_at, row.id)


def _node(row: Any, order: int, focus: uuid.UUID | None) -> ChainNode:
    common: dict[str, Any] = {
        "type": row.subject_type,
        "id": row.id,
        "lane": "forward" if row.undoes_id is None else "undo",
        "order": order,
        "status": str(row.status),
        "compensation_state": row.compensation_state,
        "completion_seq": row.completion_seq,
        "undoes": row.undoes_id,
        "focus": row.id == focus,
    }
    if isinstance(row, WorkItem):
        return ChainNode(
            **common,
            name=title_of(row.binding) if row.binding else row.title,
            who=row.completed_by_id or row.assignee_id,
            at=row.completed_at or row.ended_at or row.created_at,
            outcome=row.outcome,
            started=is_begun(str(row.status), row.held_from),
        )
    return ChainNode(
        **common,
        name=title_of(row.binding) if row.binding else row.capability,
        who=row.requested_by_id,
        at=row.ended_at or row.created_at,
        outcome=None,
        started=row.status not in UNDISPATCHED,
        program=row.capability,
    )


def edges(chain: Chain) -> list[graph.Edge]:
    """Return every arrow between the nodes, once."""
    nodes = _graph_nodes(chain, {})
    return graph.between(nodes, graph.in_order(nodes))


def figure(
    chain: Chain,
    *,
    label: str = "",
    table_url: str = "",
    described: Mapping[tuple[str, uuid.UUID], Description] | None = None,
) -> graph.Figure:
    """Return the drawing for `graph/figure.html`. `described`: what the caller has read."""
    nodes = _graph_nodes(chain, described_in(chain) if described is None else described)
    order = graph.in_order(nodes)
    return graph.layout(nodes, order, figure_id="chain", label=label, table_url=table_url)


def to_dot(chain: Chain) -> str:
    """Return the chain in the DOT language."""
    nodes = _graph_nodes(chain, {})
    return dot.to_dot(nodes, graph.in_order(nodes))


def described_in(chain: Chain) -> dict[tuple[str, uuid.UUID], Description]:
    """Describe every node of a chain whose page is not known already."""
    return describe(chain.tenant_id, (node.subject for node in chain.nodes if not node.url))


def url_of(node: ChainNode, described: Mapping[tuple[str, uuid.UUID], Description]) -> str:
    """Return the page of a node, "" where it has none."""
    found = described.get(node.subject)
    return node.url or (found.url if found else "")


def _graph_nodes(
    chain: Chain, described: Mapping[tuple[str, uuid.UUID], Description]
) -> list[graph.Node]:
    nodes = []
    for node in chain.nodes:
        second = _said(node)
        nodes.append(
            graph.Node(
                id=str(node.id),
                title=node.name,
                subtitle=second,
                tone=_tone(node),
                url=url_of(node, described),
                label=f"{type_label(node)}: {node.name}, {second}",
                lane=node.lane,
                order=node.order,
                reverses=str(node.undoes) if node.undoes else None,
                dashed=not node.started,
                focus=node.focus,
            )
        )
    return nodes


def _said(node: ChainNode) -> str:
    """Return the second line of a box: how it ended, else how it stands."""
    if node.lane == "undo" and node.outcome:
        return outcome_label(node.outcome).lower()
    if node.lane == "forward" and node.became in _BECAME:
        return state_label(node.became, "compensation").lower()
    if node.status in _DONE and node.at is not None:
        return _("done %(date)s") % {"date": date_format(node.at, "j M")}
    if not node.started:
        return _("not started")
    return state_label(node.status, node.type).lower()


def _tone(node: ChainNode) -> graph.Tone:
    if node.lane == "forward":
        return _BECAME.get(node.became, "")
    if node.status == Status.CANCELLED or not node.started:
        return ""
    failed = node.status in FINAL or node.status in UNSUCCESSFUL
    if failed or (node.outcome and node.outcome not in UNDONE_OUTCOMES):
        return "bad"
    return "undo"


def type_label(node: ChainNode) -> str:
    """Return what kind of step a node is."""
    if node.label:
        return node.label
    if not node.program:
        return _("Undo task") if node.lane == "undo" else _("Task")
    return _("Automatic undo") if node.lane == "undo" else _("Automatic")
