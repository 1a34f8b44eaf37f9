"""What an item's page says of its deadlines, beside when it is due, of who looks on, who has to
agree to its undo, and who may not have it."""

from __future__ import annotations

import uuid
from typing import Any

from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compensation.actions.approval_needed import needs_agreement
from compensation.policy import CompensationPolicy
from web.labels import label_of
from web.values import Reader, person_words, phrase
from workitems.deadlines import limits_of, moment_of, still_counts
from workitems.lifecycle import NOT_HELD, OfferedTo
from workitems.models import WorkItem
from workitems.selectors import Shown
from workitems.words import DEADLINES


def deadlines_ahead(item: WorkItem) -> list[dict[str, Any]]:
    """Return what is still to be done by when; when it is due stands above all else."""
    if item.status not in NOT_HELD:
        return []
    return [
        {"label": label, "due_at": moment}
        for name, label in DEADLINES.items()
        if (limit := limits_of(item).get(name)) is not None
        and (moment := moment_of(limit)) is not None
        and still_counts(name, item)
    ]


def looking_on(shown: Shown, me: uuid.UUID | None) -> SafeString:
    """Return who is told of what becomes of an item, by name."""
    names = [shown.name(uuid.UUID(actor), me) for actor in shown.item.stakeholders]
    return format_html_join(", ", "{}", ((each,) for each in names if each))


def who_agrees(item: WorkItem, reader: Reader) -> SafeString | str:
    """Return who has to agree to the undo of an item, step by step; "" where nobody has to."""
    asked = CompensationPolicy.from_json(item.policy).approval or "none"
    if asked == "none" and needs_agreement(item):
        asked = "one"
    if isinstance(asked, str):
        return str(_APPROVERS[asked])
    steps = [
        format_html_join(
            _(" or "), "{}",
            (
                *((_person(name, reader),) for name in step.users),
                *((phrase(_("group %(name)s"), name=label_of(name)),) for name in step.groups),
            ),
        )
        for step in asked
    ]  # fmt: skip
    return format_html_join(_(", then "), "{}", ((step,) for step in steps))


_APPROVERS = {
    "none": "",
    "one": gettext_lazy("an approver"),
    "two": gettext_lazy("an approver, then another one"),
}


def people_agreeing(item: WorkItem) -> list[str]:
    """Return the usernames of those who have to agree to the undo of an item."""
    asked = CompensationPolicy.from_json(item.policy).approval
    return [name for step in asked for name in step.users] if isinstance(asked, tuple) else []


REPLACED = {
    "original_actor_not_available": gettext_lazy("Who did the work is not here any more."),
    "original_actor_substituted": gettext_lazy(
        "Who did the work cannot do it now; their substitute is asked."
    ),
    "assignee_not_available": gettext_lazy("Whom it was given to is not here any more."),
    "no_member_in_candidate_groups": gettext_lazy("No group it was meant for has a member."),
}


def people_note(item: WorkItem, reader: Reader) -> SafeString:
    """Return who was to do it and is not here, and who may instead; empty when all is as meant."""
    parts: list[SafeString] = []
    if item.people_missing:
        names = format_html_join(
            ", ", "{}", ((_person(name, reader),) for name in item.people_missing)
        )
        parts.append(phrase(_("Not an active member here: %(names)s."), names=names))
    replaced = (item.compensation or {}).get("replaced_performer")
    if replaced in REPLACED:
        parts.append(phrase(str(REPLACED[replaced])))
    if item.offered_to == OfferedTo.OPERATORS:
        parts.append(phrase(_("It waits for the operators instead.")))
    return format_html_join(" ", "{}", ((part,) for part in parts))


def _person(username: str, reader: Reader) -> SafeString | str:
    found = reader.people.get(username)
    return username if found is None else person_words(found, reader.me, inside=True)


def shut_out(shown: Shown, me: uuid.UUID | None) -> SafeString:
    """Return who may never take an item: people by name, then groups."""
    people = [shown.name(uuid.UUID(actor), me) for actor in shown.item.excluded]
    groups = [label_of(name) for name in shown.item.excluded_groups]
    return format_html_join(", ", "{}", ((each,) for each in [*people, *groups] if each))
