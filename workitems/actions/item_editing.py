"""What an open item shall say instead, and who answers for it."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Annotated, Any

from django.utils.translation import gettext as _
from pydantic import ConfigDict

from accounts.selectors import actors_by_username
from json_values.comparison import same
from json_values.pointers import FieldError
from ledger.clock import rfc3339
from ledger.errors import Invalid, NotPermitted, check_json
from verbs import catalogue, words
from verbs.input import Input, Moment, Name, Word, line
from verbs.move import move
from verbs.shell import VerbContext
from workitems.actions.item_contents import (
    LISTED,
    MAX_TITLE,
    AnyObject,
    PriorityName,
    check_priority,
    checked_title,
    names_listed,
)
from workitems.actions.item_opening import stakeholder_rows
from workitems.actions.new_item_rules import gather, nobody
from workitems.deadlines import set_completion
from workitems.lifecycle import LIFECYCLE, Priority
from workitems.models import WorkItem
from workitems.stakeholder_tables import Stakeholder
from workitems.template_payload import not_as_template_asks

#: Members that name people, and the columns that keep these.
_PEOPLE = {"owner": "owner_id", "stakeholders": "stakeholders"}


def _without_defaults(schema: dict[str, Any]) -> None:
    for member in schema["properties"].values():
        member.pop("default", None)


class Edit(Input):
    """What an open work item shall say instead; members left out stay as they are. People are
    usernames; an `owner` that is null is nobody."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)

    title: Annotated[str, line(MAX_TITLE)] = ""
    priority: PriorityName = ""
    due_at: Moment | None = None
    payload: AnyObject = {}
    owner: Word | None = None
    stakeholders: Annotated[list[Word], LISTED] = []


@catalogue.verb(
    WorkItem.subject_type, LIFECYCLE["edit"], action="edited", given=Edit, method="PATCH",
    no_route="It is a PATCH of the item itself.", page=False,
    no_button="Pages let people act on an item, not reword it.",
)  # fmt: skip
def edit(item: WorkItem, given: Edit, context: VerbContext) -> WorkItem:
    """Change what it says while it is open, and who answers for it.

    An edit that changes nothing writes nothing and keeps the version.
    """
    return _change(item, _edited(item, given), context)


class ChangeOwner(Input):
    """Who answers for it from now on."""

    owner: Name


@catalogue.verb(
    WorkItem.subject_type, LIFECYCLE["change-owner"], action="edited", given=ChangeOwner
)
def change_owner(item: WorkItem, given: ChangeOwner, context: VerbContext) -> WorkItem:
    """Let somebody else answer for it. Who does so already changes nothing."""
    known = actors_by_username(item.tenant_id, [given.owner])
    if given.owner not in known:
        raise Invalid.field("/owner", nobody(given.owner), code="unknown")
    return _change(item, {"owner": known[given.owner]}, context)


def _change(item: WorkItem, values: Mapping[str, Any], context: VerbContext) -> WorkItem:
    """Keep other values of an item, with one entry for all that change."""
    changed: dict[str, Any] = {}
    due_before = item.due_at
    for name, value in values.items():
        column = _PEOPLE.get(name, name)
        before = getattr(item, column)
        if not _is_as_before(before, value):
            changed[name] = {"from": _said(name, before), "to": _said(name, value)}
            setattr(item, column, value)
            if name == "owner":
                _unless_anothers(before, context)
    if changed:
        fields = set_completion(item, due_before, item.due_at) if "due_at" in changed else []
        move(
            item, "edited", before=str(item.status), by=context.by,
            fields=sorted({*changed, *fields}),
            payloads={"changes": changed},
        )  # fmt: skip
    if "stakeholders" in changed:
        Stakeholder.objects.filter(tenant_id=item.tenant_id, item_id=item.id).delete()
        Stakeholder.objects.bulk_create(stakeholder_rows(item))
    return item


def _unless_anothers(owner: uuid.UUID | None, context: VerbContext) -> None:
    """Raise NotPermitted for whoever opened an item that somebody else answers for: they may change
    what it says, and name an owner while it has none."""
    may = context.authority.is_operator or context.authority.is_system
    if owner is not None and owner != context.authority.person_id and not may:
        raise NotPermitted(words.denial("not_owner"))


def _edited(item: WorkItem, given: Edit) -> dict[str, Any]:
    """Return the members that were given, as columns. Raises Invalid."""
    problems: list[FieldError] = []
    values: dict[str, Any] = {name: getattr(given, name) for name in given.model_fields_set}
    if "title" in values:
        values["title"] = checked_title(given.title, problems)
    if "priority" in values:
        check_priority(given.priority, problems)
    if "payload" in values:
        problems.extend(_wrong_with(given.payload, item))
    if not _PEOPLE.keys().isdisjoint(values):
        values |= _people(item.tenant_id, given, problems)
    if problems:
        raise Invalid(_("The edit breaks a rule."), errors=problems)
    if "priority" in values:
        values["priority"] = Priority[given.priority].value
    return values


def _wrong_with(payload: Any, item: WorkItem) -> list[FieldError]:
    """Return what is wrong with another payload."""
    if not isinstance(payload, dict):
        return [FieldError("/payload", _("must be an object"))]
    problems: list[FieldError] = []
    gather(problems, lambda: check_json(payload, "/payload"))
    if not problems and not same(item.payload, payload):
        problems.extend(not_as_template_asks(item, payload))
    return problems


def _people(tenant_id: uuid.UUID, given: Edit, problems: list[FieldError]) -> dict[str, Any]:
    """Return the actors of those who shall answer for it. Who is nobody now is refused, also who
    answers for it already: they are left out, or somebody else is named."""
    said = given.model_fields_set
    names = names_listed(given.stakeholders, "/stakeholders", problems)
    wanted = [(f"/stakeholders/{index}", name) for index, name in enumerate(names)]
    if given.owner is not None:
        wanted.append(("/owner", given.owner))
    known = actors_by_username(tenant_id, [name for _at, name in wanted]) if wanted else {}
    problems.extend(
        FieldError(pointer, nobody(name), "unknown")
        for pointer, name in wanted
        if name not in known
    )
    found: dict[str, Any] = {}
    if "owner" in said:
        found["owner"] = known.get(given.owner or "")
    if "stakeholders" in said:
        found["stakeholders"] = sorted(str(known[name]) for name in names if name in known)
    return found


def _is_as_before(before: Any, value: Any) -> bool:
    """Whether an edit leaves a field as it is. A payload is JSON, and compared as JSON."""
    return same(before, value) if isinstance(value, dict) else bool(before == value)


def _said(name: str, value: Any) -> Any:
    """Return a field's value as the ledger's payload keeps it."""
    if name == "priority":
        return Priority(value).name
    if isinstance(value, uuid.UUID):
        return str(value)
    return rfc3339(value) if isinstance(value, dt.datetime) else value
