"""What the app registers at start with the apps below."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from accounts.acting import ActingUser
from compensation.actions import register_kind, register_opener
from ledger.verify import register_guarded
from verbs import subject
from web import describers, nav
from workitems import selectors
from workitems.actions.within import open_undo_task
from workitems.describers import describe_work_items
from workitems.kind import WORK_ITEM_KIND
from workitems.models import WorkItem
from workitems.subject import WORK_ITEM_SUBJECT


def register() -> None:
    """Make work items undoable, people able to undo, and both known to the ledger and pages."""
    subject.register(WORK_ITEM_SUBJECT)
    register_kind(WORK_ITEM_KIND)
    register_opener("human", open_undo_task)
    register_guarded("workitems_workitem", "work_item")
    describers.register(WorkItem.subject_type, describe_work_items)
    nav.register(
        nav.NavEntry(
            key="inbox",
            label=_("Inbox"),
            icon="inbox",
            url_name="workitems:inbox",
            order=10,
            count=waiting,
        )
    )


def waiting(acting_user: ActingUser) -> int:
    """Return how much waits for a member or their groups; at most twice `selectors.COUNTED`."""
    counts = selectors.waiting_counts(acting_user, with_unassigned=False)
    return counts.mine + counts.groups
