"""The columns and FSM methods of whatever can be undone, and of what undoes: for the models of the
apps that own such work."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy
from django_fsm import RETURN_VALUE, transition

from compensation.lifecycle import CompensationState, Reversibility, undo_operations

C = CompensationState


class UndoableRow(models.Model):
    """The columns of everything that can be undone.

    `policy` says how (stored form of a `CompensationPolicy`), `case_id` and `binding` where it
    belongs, `completion_seq` its place in the order of completion, `remote` what
    another tenant has of it.
    """

    compensation_state = models.TextField(gettext_lazy("undo"), choices=C.choices, default=C.NONE)
    compensation_round = models.IntegerField(default=0)
    policy = models.JSONField(default=dict)
    reversibility = models.TextField(
        choices=Reversibility.choices, default=Reversibility.UNSPECIFIED
    )
    case_id = models.UUIDField(null=True)
    binding = models.TextField(gettext_lazy("step"), default="")
    completion_seq = models.BigIntegerField(gettext_lazy("finished as number"), null=True)
    remote = models.JSONField(null=True)

    class Meta:
        abstract = True


class UndoingRow(models.Model):
    """The columns of what may itself undo something, all set at insert.

    `undoes_*` names the original; `compensation` holds requested_by, reason, regulatory_basis,
    strategy, mode, run, attempt and the frozen `original_snapshot`.
    """

    undoes_type = models.TextField(default="")
    undoes_id = models.UUIDField(gettext_lazy("undoes"), null=True)
    compensation = models.JSONField(null=True)
    run_id = models.UUIDField(gettext_lazy("rollback"), null=True)

    class Meta:
        abstract = True


def moving(name: str, sources: Iterable[str], target: str) -> Callable[[Any], None]:
    """Return the FSM method of this name, which changes nothing but the status."""

    def move(_self: Any) -> None:
        return None

    move.__name__, move.__doc__ = name, f"{', '.join(sorted(sources))} → {target}."
    marked: Callable[[Any], None] = transition(
        field="status", source=sorted(sources), target=target
    )(move)
    return marked


#: The FSM methods of everything that can be undone, by the operation they go with.
_UNDO_METHODS = {
    "compensate": "compensate",
    "settle_compensated": "settle_compensated",
    "settle_faulted": "settle_faulted",
    "retry_compensation": "retry",
    "attest": "attest",
    "abandon": "abandon",
    "withdraw": "withdraw",
}


def undo_methods(settled: str, unsure: str | None = None) -> tuple[Any, ...]:
    """Return the FSM methods of the rows of `undo_operations`, in the order of `_UNDO_METHODS`.

    Retry, reassign and hand-to-human are one transition: a new attempt. With `unsure`, a row has
    the column `outcome_unknown`, which says to which of both statuses it goes back.
    """
    rows = undo_operations(settled, unsure)
    return tuple(
        moving(name, rows[operation].sources or (), str(rows[operation].target))
        if rows[operation].target is not None
        else _moves_back(name, rows[operation].sources or (), settled, str(unsure))
        for name, operation in _UNDO_METHODS.items()
    )


def _moves_back(
    name: str, sources: Iterable[str], settled: str, unsure: str
) -> Callable[[Any], str]:
    """Return the FSM method of this name, which goes back to where the undo began."""

    def move(self: Any) -> str:
        return unsure if self.outcome_unknown else settled

    move.__name__, move.__doc__ = name, f"{', '.join(sorted(sources))} → {settled} or {unsure}."
    marked: Callable[[Any], str] = transition(
        field="status", source=sorted(sources), target=RETURN_VALUE(settled, unsure)
    )(move)
    return marked
