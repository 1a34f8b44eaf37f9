"""A rollback as a picture: what was done, and under it what undoes it, numbered. Reads nothing."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from compensation.lifecycle import DONE_STEPS, FAILED_STEPS, StepStatus
from compensation.run_context import RunContext
from compensation.sentences import step_title, title_of
from web import graph
from web.templatetags.amends import state_label


def figure(context: RunContext, *, label: str) -> graph.Figure | None:
    """Return the drawing of a run's steps, None for one step: it needs no picture."""
    steps = [each.step for each in context.found.steps]
    if not steps[1:]:
        return None
    nodes = []
    for at, step in enumerate(steps, start=1):
        shown = context.step(at - 1)
        original, undo = _nodes(step, shown, at)
        nodes += [original, undo]
    return graph.layout(nodes, graph.in_order(nodes), figure_id="run", label=label)


def _nodes(step: Any, shown: dict[str, Any], at: int) -> tuple[graph.Node, graph.Node]:
    undone, failed = step.status in DONE_STEPS, step.status in FAILED_STEPS
    begun = step.status != StepStatus.PLANNED
    title, said = step_title(step), state_label(shown["status"], "step").lower()
    original = graph.Node(
        id=f"o{at}", title=title, url=shown["url"], order=-at,
        subtitle=said if undone or failed else _("being undone") if begun else _("still stands"),
        tone="done" if undone else "bad" if failed else "undo" if begun else "",
    )  # fmt: skip
    compensation = shown["compensation"]
    undo = graph.Node(
        id=f"u{at}", title=title_of(step.binding) if step.binding else title, subtitle=said,
        tone="bad" if failed else "undo" if begun else "",
        url=compensation["url"] if compensation else "", lane="undo", order=at,
        reverses=original.id, dashed=not begun,
    )  # fmt: skip
    return original, undo
