"""How far work is: reported by whoever has it, in one dimension for the work and in another for its
undo, which never touch each other.

A dimension only goes forward: what was done stays done. A report that says what is known already
changes nothing. Nothing that is reported moves an item.

The work of an undo task is `undo`, and shows on its original; of a finished item that is being
undone an operator, or who did it, may say it there too. Whoever undoes it once more begins again.
"""

from __future__ import annotations

import functools
import uuid
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

from django.utils.translation import gettext as _
from pydantic import BeforeValidator, Field
from typing_extensions import override

from json_values.pointers import FieldError
from ledger.clock import now
from ledger.errors import Conflict, Refusal
from verbs import catalogue
from verbs.body_size import at_most
from verbs.input import MAX_NAME, WHOLE, Input, Name, problems_of, read
from verbs.move import Moves
from verbs.operation import operation
from verbs.shell import VerbContext
from workitems.around.addition_tables import FORWARD, UNDO, Progress
from workitems.lifecycle import WORKING, Status
from workitems.models import WorkItem

ITEM = WorkItem.subject_type
MOST_STEPS = 100
_MOST = 2**31 - 1


class Step(Input):
    """One of several, and whether it is done."""

    name: Name
    done: bool


class Count(Input):
    """So many are done, of so many if that is known."""

    done: Annotated[int, Field(ge=0, le=_MOST), WHOLE]
    total: Annotated[int | None, Field(ge=1, le=_MOST), WHOLE] = None


class Percentage(Input):
    """So much of a hundred."""

    value: Annotated[int, Field(ge=0, le=100), WHOLE]


class Counted(Input):
    """A count; a number alone is what is done."""

    value: Annotated[
        Count,
        BeforeValidator(lambda said: {"done": said} if type(said) in {int, float} else said),
    ]


class Stepped(Input):
    """Named steps, each once."""

    value: Annotated[list[Step], Field(min_length=1, max_length=MOST_STEPS)]


_SHAPES: Mapping[str, type[Input]] = {
    "percentage": Percentage,
    "count": Counted,
    "steps": Stepped,
}
_VALUES = [
    {"type": "integer", "minimum": 0, "maximum": _MOST},
    Count.model_json_schema(),
    {"type": "array", "minItems": 1, "maxItems": MOST_STEPS, "items": Step.model_json_schema()},
]


class ProgressReport(Input):
    """How far it is: `percentage` is a whole number up to 100, `count` `{done, total}` or what is
    done, `steps` a list of `{name, done}`."""

    dimension: Literal["forward", "undo"]
    shape: Literal["percentage", "count", "steps"]
    value: Annotated[Any, at_most(MOST_STEPS * (MAX_NAME * 4 + 40), anyOf=_VALUES)]

    @classmethod
    @override
    def further(cls, body: Mapping[str, Any]) -> Iterable[FieldError]:
        """Return what is wrong with the value for its shape."""
        shape = body.get("shape")
        model = _SHAPES.get(shape) if isinstance(shape, str) else None
        if model is None or "value" not in body:
            return
        found = problems_of(functools.partial(_value_as, model), body["value"])
        yield from found or _contradictions(str(shape), _value_as(model, body["value"]))


def _value_as(model: type[Input], value: Any) -> Any:
    """Return a value as it is kept. Raises Invalid."""
    return read(model, {"value": value}).model_dump()["value"]


def _contradictions(shape: str, value: Any) -> Iterable[FieldError]:
    if shape == "count" and value["total"] is not None and value["done"] > value["total"]:
        yield FieldError("/value/total", _("is less than what is done"))
    if shape == "steps":
        names = [each["name"] for each in value]
        for place, name in enumerate(names):
            if name in names[:place]:
                yield FieldError(f"/value/{place}/name", _("is named twice"), "repeated")


def _may_report(item: WorkItem, _facts: Any, body: Mapping[str, Any] | None) -> Refusal | None:
    being_undone = item.status == Status.COMPENSATING and (body or {}).get("dimension") != FORWARD
    if item.status in WORKING or being_undone:
        return None
    return Conflict(
        _("How far it is can be said while somebody works on it."),
        extra={"current_status": str(item.status)},
    )


@catalogue.verb(
    ITEM, operation("progress", None, None, "assignee operator"), action="progress_reported",
    given=ProgressReport, state=_may_report, beside=True, page=False,
    no_button="Its form is on the item's page, for the shape that was chosen first.",
)  # fmt: skip
def report_progress(item: WorkItem, given: ProgressReport, context: VerbContext) -> WorkItem:
    """Say how far it is."""
    value = _value_as(_SHAPES[given.shape], given.value)
    before = _newest(item, given.dimension)
    if before is not None and before.round == _round_of(item, given.dimension):
        _refuse_backwards(before, given.shape, value)
        if before.value == value:
            return item
    row = before or Progress(tenant_id=item.tenant_id, item=item, dimension=given.dimension)
    row.shape, row.value, row.round = given.shape, value, _round_of(item, given.dimension)
    row.reported_by_id, row.reported_at = context.authority.actor_id, now()
    moves = Moves()
    if row._state.adding:  # noqa: SLF001  -- as Django names it
        moves.add(row)
    else:
        moves.save(row, ["shape", "value", "round", "reported_by", "reported_at"])
    said = {"dimension": given.dimension, "shape": given.shape, "value": value}
    moves.change(item, "progress_reported", before=str(item.status), by=context.by, payloads=said)
    moves.record()
    return item


def _round_of(item: WorkItem, dimension: str) -> int:
    return item.compensation_round if dimension == UNDO else 0


def _newest(item: WorkItem, dimension: str) -> Progress | None:
    rows = Progress.objects.filter(tenant_id=item.tenant_id, item_id=item.id, dimension=dimension)
    return rows.first()


def _refuse_backwards(before: Progress, shape: str, value: Any) -> None:
    """Raise Conflict for less than was said before, or what cannot be compared with it."""
    if before.shape != shape:
        raise Conflict(_("It is told in another way already."), code="other_shape")
    if _is_less(shape, before.value, value):
        raise Conflict(_("It was further already; what is done stays done."), code="backwards")


def _is_less(shape: str, before: Any, value: Any) -> bool:
    if shape == "percentage":
        return bool(value < before)
    if shape == "count":
        return bool(value["done"] < before["done"])
    now_done = {each["name"]: each["done"] for each in value}
    return any(now_done.get(each["name"], -1) < each["done"] for each in before)


def share_of(row: Progress) -> int | None:
    """Return how much of a hundred is done; None where nobody said of how much."""
    if row.shape == "percentage":
        return int(row.value)
    done, total = (
        (row.value["done"], row.value["total"])
        if row.shape == "count"
        else (sum(each["done"] for each in row.value), len(row.value))
    )
    return None if total is None else done * 100 // total


def progress_of(tenant_id: uuid.UUID, item_id: uuid.UUID) -> dict[str, Progress | None]:
    """Return how far an item is, and how far its undo is: as said on itself, or on the newest task
    that undoes it."""
    own = Progress.objects.filter(tenant_id=tenant_id, item_id=item_id)
    return in_dimensions([*own, *of_undo_tasks(tenant_id, item_id)[:1]])


def in_dimensions(rows: Iterable[Progress]) -> dict[str, Progress | None]:
    """Return the first of these rows in each dimension."""
    found: dict[str, Progress | None] = {FORWARD: None, UNDO: None}
    for row in rows:
        found[row.dimension] = found[row.dimension] or row
    return found


def of_undo_tasks(tenant_id: Any, item_id: Any) -> Any:
    """Return what was said on the tasks that undo an item, of the newest task first."""
    rows = Progress.objects.filter(
        tenant_id=tenant_id, dimension=UNDO, item__tenant_id=tenant_id,
        item__undoes_type=ITEM, item__undoes_id=item_id,
    )  # fmt: skip
    return rows.order_by("-item_id")
