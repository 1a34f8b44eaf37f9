"""Five human tasks in a row; in the second flow all of them are undone after the last one.

viewflow undoes by functions that it calls one after the other, in the transaction that completes
the last task. It keeps no ledger, tells nobody, and asks nobody to undo anything. It is measured as
it comes, which also means without a lock: one would cost it six statements more.
"""

from __future__ import annotations

from typing import Any

from viewflow import this
from viewflow.workflow import flow


def _view(_request: Any) -> None:
    """Never called: the tasks are driven as their views would do it."""


class Forward(flow.Flow):
    """Five human tasks."""

    start = flow.StartHandle().Next(this.s1)
    s1 = flow.View(_view).Next(this.s2)
    s2 = flow.View(_view).Next(this.s3)
    s3 = flow.View(_view).Next(this.s4)
    s4 = flow.View(_view).Next(this.s5)
    s5 = flow.View(_view).Next(this.end)
    end = flow.End()


class Undone(flow.Flow):
    """Five human tasks, and a function that undoes each."""

    start = flow.StartHandle().Next(this.s1)
    s1 = flow.View(_view).CompensateWith(this.u1).Next(this.s2)
    s2 = flow.View(_view).CompensateWith(this.u2).Next(this.s3)
    s3 = flow.View(_view).CompensateWith(this.u3).Next(this.s4)
    s4 = flow.View(_view).CompensateWith(this.u4).Next(this.s5)
    s5 = flow.View(_view).CompensateWith(this.u5).Next(this.undo)
    undo = flow.CompensateThrow().Next(this.end)
    end = flow.End()

    u1 = flow.Function(this.undone)
    u2 = flow.Function(this.undone)
    u3 = flow.Function(this.undone)
    u4 = flow.Function(this.undone)
    u5 = flow.Function(this.undone)

    def undone(self, activation: Any) -> None:
        """Undo nothing: the cost of undoing is viewflow's own here, as it is ours there."""
