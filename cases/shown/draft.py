"""What a plan would be, looked at before anybody has said why: nothing is stored or locked.

The digest of a plan knows no reason, so the plan that is made once the reason is known has the same
digest if, and only if, what would be undone is still the same.
"""

from __future__ import annotations

import dataclasses
import uuid

from django.utils.translation import gettext as _

from accounts.acting import ActingUser
from cases.actions.door import live_run
from cases.actions.previewing import LIFETIME, check_open, find_case, parts_of
from cases.errors import RunLive
from cases.models import CompensationPlan
from cases.planning import Scope, make_plan
from cases.shown.plan import PlanShown, show
from ledger.clock import now
from ledger.errors import NotFound, Refusal
from workitems.errors import NotCompensable

Subject = tuple[str, uuid.UUID]


@dataclasses.dataclass(frozen=True, slots=True)
class Draft:
    """A subject with what would be undone, or with why nothing of it can be (`refused`)."""

    subject: Subject
    title: str
    shown: PlanShown | None
    refused: str = ""

    @property
    def digest(self) -> str:
        """The digest of the plan, or ""."""
        return "" if self.shown is None else str(self.shown.plan.digest)


def draft(subject: Subject, *, acting_user: ActingUser) -> Draft:
    """Return what undoing a whole subject would be, in the tenant's scope. Raises NotFound."""
    case, row = find_case(subject)
    title = str(row if row is not None else case)
    try:
        if row is not None and row.undoes_id is not None:
            raise NotCompensable
        check_open(subject, case)
        run_id = live_run(None if case is None else case.root_id, subject)
        if run_id is not None:
            raise RunLive(run_id)
        shown = show(_plan(subject, acting_user))
    except NotFound:
        raise
    except Refusal as refusal:
        return Draft(subject, title, None, refusal.detail)
    nothing = not shown.plan.content["steps"] and not shown.open_work
    return Draft(subject, title, shown, _why_nothing(shown) if nothing else "")


def _why_nothing(shown: PlanShown) -> str:
    """Return why there is no step, in the words of the exclusions."""
    details = dict.fromkeys(each["detail"] for each in shown.plan.content["excluded"])
    return " ".join(details) or _("There is nothing to undo.")


def _plan(subject: Subject, acting_user: ActingUser) -> CompensationPlan:
    case, _row = find_case(subject)
    moment, scope = now(), Scope()
    content = make_plan(
        parts_of(subject, case, lock=False),
        subject=subject,
        scope=scope,
        strategy=None,
        include=(),
        now=moment,
    )
    return CompensationPlan(
        tenant_id=acting_user.tenant_id,
        subject_type=subject[0],
        subject_id=subject[1],
        case_id=None if case is None else case.id,
        scope=scope.to_json(),
        reason="",
        digest=content.digest,
        content=content.to_json(),
        created_by_id=acting_user.actor_id,
        created_at=moment,
        expires_at=moment + LIFETIME,
    )
