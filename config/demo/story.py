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
from http import HTTPStatus
from typing import Any, Final

from django.utils.translation import gettext as _

from accounts.acting import ActingUser
from accounts.selectors import acting_as
from cases.actions import open_case
from config.demo.demo_people import DEMO
from config.demo.scenarios.casework import Task
from config.demo.scenarios.loan_rollback import CONTEXT, DEFINITION, FORWARD
from ledger.errors import Conflict, NotFound, NotPermitted
from ledger.tenancy import tenant_scope
from verbs.call import Call
from web.idempotency import Answer, Key, KeyTaken
from workitems.actions import complete, start
from workitems.lifecycle import OPEN
from workitems.selectors import in_case

#: By it the case of the story is opened once: the key is kept with its id, and the case itself
#: knows nothing of it.
KEY: Final = "demo-story"
_ASK_SECONDS: Final = 0.1


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
        raise NotFound(_("The people of the demo are not there."))
    return found


def _key(operator: ActingUser) -> Key:
    if operator.membership_id is None:
        raise NotFound(_("The operator of the demo is no member."))
    return Key(KEY, operator.tenant_id, operator.membership_id, "the story of the demo", "")


def _begun(operator: ActingUser) -> uuid.UUID | None:
    """Return the case of the story, if there is one."""
    kept = _key(operator).first_answer()
    return None if kept is None else uuid.UUID(kept.body["id"])


def _begin(operator: ActingUser) -> uuid.UUID:
    """Open the case of the story; of two at once the second gets the first's."""
    key = _key(operator)

    def keep(opened: Any) -> None:
        key.keep(Answer(HTTPStatus.CREATED, {"id": str(opened.id)}, {}))

    try:
        case = open_case(
            call=Call(operator, last_act=keep), definition=DEFINITION, context=dict(CONTEXT)
        )
    except KeyTaken:
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
