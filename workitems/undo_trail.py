"""Where an undo task stands in its rollback: what is undone already, this one, who comes after."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from compensation.lifecycle import DONE_STEPS, FAILED_STEPS, Mode, StepStatus
from compensation.selectors import trail_of
from compensation.sentences import joined, step_title
from web.templatetags.amends import state_label
from workitems.models import WorkItem

#: So many steps before and after this one are shown; of the others how many they are.
AROUND = 3


@dataclasses.dataclass(frozen=True, slots=True)
class Trail:
    """`position` of `total`, and the steps around it; `before` and `after`: how many more."""

    position: int
    total: int
    before: int
    after: int
    steps: list[dict[str, Any]]


def trail(item: WorkItem, *, with_me: bool) -> Trail | None:
    """Return the trail of an undo task, None where it is no step of a rollback. One query;
    `with_me` is whether the task is the reader's."""
    if item.run_id is None or item.undoes_id is None:
        return None
    steps = trail_of(item.tenant_id, item.run_id)
    at = next((at for at, each in enumerate(steps) if each.original_id == item.undoes_id), None)
    if at is None:
        return None
    first, last = max(0, at - AROUND), min(len(steps), at + AROUND + 1)
    shown = [_shown(steps, place, at, with_me=with_me) for place in range(first, last)]
    return Trail(at + 1, len(steps), first, len(steps) - last, shown)


def _shown(steps: Sequence[Any], place: int, at: int, *, with_me: bool) -> dict[str, Any]:
    step = steps[place]
    title = step_title(step)
    done, failed = step.status in DONE_STEPS, step.status in FAILED_STEPS
    return {
        "n": place + 1,
        "title": _("You: %(what)s") % {"what": title} if place == at and with_me else title,
        "here": place == at,
        "tone": "done" if done else "bad" if failed else "undo" if place == at else "",
        "words": _("now") if place == at and not (done or failed) else _words(step),
        "at": step.ended_at if done else None,
    }


def _words(step: Any) -> str:
    if step.status != StepStatus.PLANNED:
        return state_label(str(step.status), "step").lower()
    if step.mode == Mode.AUTOMATED:
        return _("then automatically")
    groups = joined(step.spec.get("candidate_groups", ()))
    return _("then %(who)s") % {"who": groups} if groups else _("then a person")
