"""What a rollback has not counted yet is not drawn as undone."""

from __future__ import annotations

import dataclasses
import uuid
from types import SimpleNamespace

import pytest

from workitems.chain import Chain, ChainNode, figure, with_planned

PAID, REPAID = uuid.uuid4(), uuid.uuid4()
_BOTH = ChainNode(
    type="execution", id=PAID, name="Payment", lane="forward", order=1, status="SUCCEEDED",
    compensation_state="COMPENSATED", completion_seq=1, who=None, at=None, undoes=None,
    outcome=None, started=True, focus=False,
)  # fmt: skip
CHAIN = Chain(
    uuid.uuid4(), (_BOTH, dataclasses.replace(_BOTH, id=REPAID, lane="undo", undoes=PAID))
)


@pytest.mark.parametrize(
    ("status", "shown"), [("RUNNING", ("undo", "being undone")), ("DONE", ("done", "undone"))]
)
def test_a_step_under_way_is_drawn_as_being_undone(status: str, shown: tuple[str, str]) -> None:
    step = SimpleNamespace(id=uuid.uuid4(), original_id=PAID, status=status)
    drawn = figure(with_planned(CHAIN, [step]), described={})
    [box] = [each for each in drawn.nodes if each.id == str(PAID)]
    assert (box.tone, box.subtitle) == shown
