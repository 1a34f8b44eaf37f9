"""The story that a visitor can load: the forward part of the loan, told as far as the worker is.

Everything is done by the same verbs as anywhere, as the people of the demo. Telling goes on where
an earlier one stopped, so it may be asked for twice, at once and again: there is one such case, and
what is done in it is done once.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
import uuid
from typing import Any, Final

from django.db import connection

from accounts.acting import ActingUser
from accounts.selectors import acting_as
from cases.actions import open_case
from cases.selectors import cases
from config.demo.demo_people import DEMO
from config.demo.scenarios.loan_rollback import AMOUNT, DEFINITION, FORWARD, Task
from config.demo.transfers import BANK, CUSTOMER
from ledger.errors import Conflict, NotFound, NotPermitted
from ledger.tenancy import tenant_scope
from verbs.call import Call
from workitems.actions import complete, start
from workitems.lifecycle import OPEN
from workitems.selectors import in_case

#: What the context of the story's case says, and no other's.
MARK: Final = {"told_by": "first page"}
_ASK_SECONDS: Final = 0.1
#: Of two that begin it at once the second waits here, and then finds the first's case.
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%s, 2))"


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """How far the story is: `done` of `total` steps of people."""

    case_id: uuid.UUID
    done: int
    total: int

    @property
    def is_over(self) -> bool:
        """Whether all that people do in it is done."""
        return self.done == self.total


class ToldAlready(Conflict):
    """Somebody else has begun it meanwhile."""

    code = "story_begun"


def tell(*, seconds: float) -> Told:
    """Begin the story or go on with it, for at most so long, and return how far it is.

    Raises NotFound where the demo is not loaded.
    """
    operator = _person("operator")
    case_id = _begun(operator) or _begin(operator)
    deadline = time.monotonic() + seconds
    done = 0
    for task in FORWARD:
        while not (is_done := _do(case_id, task)) and time.monotonic() < deadline:
            time.sleep(_ASK_SECONDS)
        if not is_done:
            break
        done += 1
    return Told(case_id, done, len(FORWARD))


def _person(username: str) -> ActingUser:
    found = acting_as(username, tenant_slug=DEMO.slug)
    if found is None:
        raise NotFound("The people of the demo are not there.")
    return found


def _begun(operator: ActingUser) -> uuid.UUID | None:
    """Return the case of the story, if there is one."""
    with tenant_scope(operator.tenant_id):
        rows = cases(operator.tenant_id).filter(context__contains=MARK).order_by("created_at", "id")
        found: uuid.UUID | None = rows.values_list("id", flat=True).first()
    return found


def _begin(operator: ActingUser) -> uuid.UUID:
    """Open the case of the story; of two at once the second gets the first's."""

    def alone(opened: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute(_LOCK, [str(operator.tenant_id)])
        others = cases(operator.tenant_id).filter(context__contains=MARK).exclude(id=opened.id)
        if others.exists():
            raise ToldAlready

    context = {
        **MARK, "applicant": "R. Vega", "amount": AMOUNT,
        "bank_account": BANK, "customer_account": CUSTOMER,
    }  # fmt: skip
    try:
        case = open_case(
            call=Call(operator, last_act=alone), definition=DEFINITION, context=context
        )
    except ToldAlready:
        found = _begun(operator)
        if found is None:
            raise
        return found
    return uuid.UUID(str(case.id))


def _do(case_id: uuid.UUID, task: Task) -> bool:
    """Do a step if it waits; return whether it is done."""
    who = _person(task.person)
    with tenant_scope(who.tenant_id):
        item = in_case(who.tenant_id, case_id).filter(binding=task.binding).first()
    if item is None:
        return False
    if item.status not in OPEN:
        return True
    # Begun by an earlier telling, or taken by whoever looks on: then it is theirs to finish.
    with contextlib.suppress(Conflict, NotPermitted):
        start(item.id, call=Call(who))
    try:
        complete(item.id, call=Call(who), outcome=task.outcome, resolution=task.resolution)
    except (Conflict, NotPermitted):
        return False
    return True
