"""Cases below cases, for tests."""

from __future__ import annotations

import uuid
from typing import Any

from cases.models import Case, PlanItem
from ledger.models import LedgerEntry
from ledger.tenancy import tenant_scope
from tests.casework import deploy
from tests.definitions import definition, human
from tests.world import World


def below(name: str, child: str, when: str | None = None, **target: Any) -> dict[str, Any]:
    """Return a binding that becomes a case `tests/<child>`; what that knows lands under its own
    name."""
    key = name.replace("-", "_")
    more: dict[str, Any] = {
        each: target.pop(each) for each in ("reversibility", "contextWrite") if each in target
    }
    sub_case = {"name": child, "outputMapping": f"{{{key}: .}}", **target}
    return {
        "name": name,
        "on": {"contextChange": {}},
        "when": when or f".{key} == null",
        "subCase": {key: value for key, value in sub_case.items() if value is not None},
        **more,
    }


def deploy_levels(world: World, **target: Any) -> None:
    """Deploy three levels: `top` waits for `middle`, which waits for `low`, which is a task."""
    deploy(world, definition("low", human("task"), success=".task != null"))
    deploy(world, definition("middle", below("low", "low", **target), success=".low.task != null"))
    top = definition("top", below("middle", "middle", **target), success=".middle.low.task != null")
    deploy(world, top)


def children(world: World, case_id: uuid.UUID) -> list[Case]:
    """Return the cases below one, as they were opened."""
    with tenant_scope(world.operator.tenant_id):
        return list(Case.objects.filter(parent_id=case_id).order_by("created_at", "id"))


def child(world: World, case_id: uuid.UUID) -> Case:
    """Return the one case below another."""
    (found,) = children(world, case_id)
    return found


def chain(world: World, case_id: uuid.UUID) -> list[Case]:
    """Return a case and those below it, one at each level."""
    with tenant_scope(world.operator.tenant_id):
        found = [Case.objects.get(id=case_id)]
        while row := Case.objects.filter(parent_id=found[-1].id).first():
            found.append(row)
        return found


def every_item(world: World, case_id: uuid.UUID) -> list[PlanItem]:
    """Return every plan item of a case, as they were opened."""
    with tenant_scope(world.operator.tenant_id):
        return list(PlanItem.objects.filter(case_id=case_id).order_by("created_at", "id"))


def statuses(world: World, case_id: uuid.UUID) -> list[str]:
    """Return how the cases of a chain stand, from the top."""
    return [str(row.status) for row in chain(world, case_id)]


def own_entries(world: World, case_id: uuid.UUID) -> list[LedgerEntry]:
    """Return the entries of a case itself, oldest first."""
    with tenant_scope(world.operator.tenant_id):
        rows = LedgerEntry.objects.filter(subject_type="case", subject_id=case_id)
        return list(rows.order_by("subject_seq"))
