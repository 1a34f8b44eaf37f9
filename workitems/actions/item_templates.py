"""Templates of work items: adding a version, ending one, and opening an item from one.

A version never changes: whoever wants another one adds it under the same name. An item keeps which
version it was made from, and everything that this said; what is changed later changes no item. In
title and description `{name}` stands for a member of the payload.
"""

from __future__ import annotations

import dataclasses
import re
import uuid
from collections.abc import Mapping
from typing import Annotated, Any

from django.utils.translation import gettext as _
from pydantic import Field, SkipValidation, WithJsonSchema

from accounts.actions import lock_tenant, note_on_tenant
from json_values import json_schema
from json_values.characters import LINE
from json_values.comparison import same
from json_values.pointers import FieldError, escape
from ledger.clock import now
from ledger.errors import Conflict, Invalid, NotFound, Refusal
from verbs import catalogue
from verbs.input import Name, OptionalText, read
from verbs.operation import operation
from verbs.shell import VerbContext
from verbs.subject import Locked
from workitems.actions.instances import open_instances
from workitems.actions.item_contents import MAX_TITLE, Create, new_item_of
from workitems.deadlines import COMPLETION
from workitems.models import WorkItem, WorkItemTemplate
from workitems.resolution import check_schema
from workitems.selectors import template

TEMPLATE = "work_item_template"
#: What a template says beside the members of a new item.
_OWN = ("name", "description", "input_schema")
#: A number longer than that is no word.
_MOST = 10**100
_PLACE = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


class NewTemplate(Create):
    """A version of a template: its name, and what its items say.

    Items begin with its `payload`; what they have in the end matches `input_schema`.
    """

    name: Name
    description: OptionalText = ""
    input_schema: Annotated[dict[str, Any] | None, SkipValidation] = None


class Instantiate(Create):
    """What an item says instead of its template; members of the payload are added to its."""

    title: Annotated[
        str,
        Field(max_length=MAX_TITLE),
        WithJsonSchema({"type": "string", "maxLength": MAX_TITLE, "pattern": f"^$|{LINE}"}),
    ] = ""


def _locked(tenant_id: uuid.UUID, template_id: uuid.UUID) -> Locked:
    """Lock the tenant, which has the entries about its templates, and then the template."""
    lock_tenant(tenant_id)
    rows = WorkItemTemplate.objects.select_for_update(of=("self",))
    found = rows.filter(tenant_id=tenant_id, id=template_id).first()
    if found is None:
        raise NotFound
    return Locked(found)


def _seen(tenant_id: uuid.UUID, template_id: uuid.UUID) -> Locked:
    """Read a template without keeping others from it: a version never changes."""
    return Locked(template(tenant_id, template_id))


def _alive(row: WorkItemTemplate, _facts: Any, _body: Any) -> Refusal | None:
    if row.ended_at is None:
        return None
    return Conflict(
        _("%(name)s was ended; a newer version may be there.") % {"name": row},
        code="template_ended",
    )


@catalogue.verb(
    TEMPLATE, operation("add", None, None, "operator system"), action="template_added",
    given=NewTemplate, creates=True, status=201, page=False,
    no_button="The page of a template has a form for its next version.",
)  # fmt: skip
def add_template(_row: None, given: NewTemplate, context: VerbContext) -> WorkItemTemplate:
    """Store a version of a template. The newest version with the same content is returned."""
    tenant_id = context.call.by.tenant_id
    _check(given, tenant_id, context.authority.actor_id)
    content = said_of(given)
    lock_tenant(tenant_id)
    rows = WorkItemTemplate.objects.filter(tenant_id=tenant_id, name=given.name)
    newest = rows.order_by("-version").first()
    if newest is not None and newest.ended_at is None and same(newest.content, content):
        return newest
    row = WorkItemTemplate(
        tenant_id=tenant_id,
        name=given.name,
        version=1 if newest is None else newest.version + 1,
        content=content,
        created_by_id=context.authority.actor_id,
        created_at=now(),
    )
    row.save(force_insert=True)
    said: dict[str, object] = {"template": str(row), "content": content}
    note_on_tenant(tenant_id, "template_added", by=context.by, payloads=said)
    return row


@catalogue.verb(
    TEMPLATE, operation("end", None, None, "operator system"),
    action="template_ended", method="DELETE", locked=_locked, dangerous=True,
)  # fmt: skip
def end_template(row: WorkItemTemplate, _given: Any, context: VerbContext) -> WorkItemTemplate:
    """Make no items from this version any more. Ending it again changes nothing."""
    if row.ended_at is None:
        row.ended_at = now()
        row.save(update_fields=["ended_at"])
        said: dict[str, object] = {"template": str(row)}
        note_on_tenant(row.tenant_id, "template_ended", by=context.by, payloads=said)
    return row


@catalogue.verb(
    TEMPLATE, operation("instantiate", None, None, "member system"), action="created",
    given=Instantiate, locked=_seen, state=_alive, status=201, page=False,
    no_button="The page of a template has a form for it.",
)  # fmt: skip
def instantiate(row: WorkItemTemplate, given: Instantiate, context: VerbContext) -> WorkItem:
    """Open a work item that says what the template says, and what is said beside it."""
    tenant_id, creator = context.call.by.tenant_id, context.authority.actor_id
    body = merged(row.content, said_of(given))
    said = read(Create, body)
    new = dataclasses.replace(new_item_of(said, tenant_id, creator), template=made_from(row))
    return open_instances(new, said.group, by=context.by)


def made_from(row: WorkItemTemplate) -> dict[str, Any]:
    """Return what an item keeps of where it comes from."""
    return {"id": str(row.id), "name": row.name, "version": row.version}


def merged(content: Mapping[str, Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a new item: those of the template, and what is said instead, with the
    places in its words filled. What is said to be null is left out.

    Raises Invalid for a payload that the template does not ask for, or that leaves a place empty.
    """
    own = {name: value for name, value in content.items() if name not in _OWN}
    body = {**own, **said}
    payload = _payload(own.get("payload") or {}, said.get("payload"))
    _replace_when(body, said)
    schema = content.get("input_schema")
    problems = json_schema.problems(schema, payload, "/payload") if schema else []
    if not problems and not said.get("title"):
        body["title"] = _filled(content["title"], payload, problems)[:MAX_TITLE]
    if not problems and content.get("description") and "description" not in payload:
        payload["description"] = _filled(content["description"], payload, problems)
    if problems:
        raise Invalid(_("The payload is not what the template asks for."), errors=problems)
    return {
        name: value for name, value in {**body, "payload": payload}.items() if value is not None
    }


def _payload(own: Mapping[str, Any], said: Any) -> dict[str, Any]:
    if said is not None and not isinstance(said, dict):
        raise Invalid.field("/payload", _("must be an object"))
    return {**own, **(said or {})}


def _replace_when(body: dict[str, Any], said: Mapping[str, Any]) -> None:
    """Let what is said of when it is due count alone: a moment, or the deadline of completion."""
    if said.get("due_at") is not None and "deadlines" not in said and body.get("deadlines"):
        others = {name: each for name, each in body["deadlines"].items() if name != COMPLETION}
        body["deadlines"] = others
    elif (said.get("deadlines") or {}).get(COMPLETION) and "due_at" not in said:
        body["due_at"] = None


def _filled(pattern: str, payload: Mapping[str, Any], problems: list[FieldError]) -> str:
    """Return words with their places filled. Values are short: so many of them stay short too."""

    def value(place: re.Match[str]) -> str:
        name = place[1]
        found = payload.get(name)
        if isinstance(found, int) and not isinstance(found, bool) and abs(found) < _MOST:
            return str(found)
        if (isinstance(found, str) and len(found) <= MAX_TITLE) or isinstance(found, float):
            return str(found)
        message = _(
            "must be a text of at most %(n)d characters, or a number: the words of the template"
            " name it"
        ) % {"n": MAX_TITLE}
        problem = FieldError(f"/payload/{escape(name)}", message, "required")
        if problem not in problems:
            problems.append(problem)
        return ""

    return _PLACE.sub(value, pattern)


def said_of(given: Create) -> dict[str, Any]:
    """Return what was said of an item, as JSON. Members that are checked later are as they came,
    whatever their type is."""
    own = {"name"}
    return given.model_dump(mode="json", exclude_unset=True, exclude=own, warnings=False)


def _check(given: NewTemplate, tenant_id: uuid.UUID, creator: uuid.UUID) -> None:
    """Raise Invalid with every rule that the items of a template would break."""
    problems: list[FieldError] = []
    try:
        new_item_of(given, tenant_id, creator)
    except Invalid as refused:
        problems.extend(refused.errors)
    if given.input_schema is not None:
        try:
            check_schema(given.input_schema, "/input_schema")
        except Invalid as refused:
            problems.extend(refused.errors)
    if problems:
        raise Invalid(_("The template breaks a rule."), errors=problems)
