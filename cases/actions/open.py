"""Opening a case. Its first steps are fired by the engine, from the event, never here."""

from __future__ import annotations

import uuid
from typing import Annotated, Any

from django.utils.translation import gettext as _
from pydantic import Field, SkipValidation, WithJsonSchema

from accounts.acting import ActingUser, Authority
from accounts.declared_people import faults_of_value
from cases.actions.milestone_moves import dues_of_opening
from cases.actions.step_schedules import first_moments
from cases.lifecycle import LIFECYCLE
from cases.models import Case, CaseDefinition
from cases.numbers import next_number
from cases.selectors import compiled_of, versions
from cases.versions import default_of
from compensation.sentences import joined
from json_values.characters import LINE_OR_BLANK, WITHOUT_NUL, fault_of_line
from json_values.limits import CONTEXT_BYTES, beyond_limits
from json_values.pointers import FieldError
from ledger.clock import now
from ledger.errors import Invalid, NotPermitted
from ledger.ids import new_id
from verbs import catalogue
from verbs.body_size import at_most
from verbs.input import Input, read
from verbs.move import Moves
from verbs.shell import VerbContext

MAX_TITLE = 300


class OpenCase(Input):
    """What is opened: `namespace/name`, of the highest version unless one is named."""

    definition: Annotated[str, Field(json_schema_extra={"pattern": r"^[^/\x00]*/[^/\x00]*$"})]
    version: Annotated[str, WithJsonSchema({"type": "string", "pattern": WITHOUT_NUL})] | None = (
        None
    )
    # What is wrong with these is said beside what is wrong with the rest.
    context: Annotated[dict[str, Any], SkipValidation, at_most(CONTEXT_BYTES)] = {}
    title: Annotated[
        str | None,
        SkipValidation,
        WithJsonSchema(
            {"type": ["string", "null"], "pattern": LINE_OR_BLANK, "maxLength": MAX_TITLE}
        ),
    ] = None


@catalogue.verb(
    Case.subject_type, LIFECYCLE["open"], action="opened", given=OpenCase, creates=True, status=201,
    page=False, no_button="It has a page of its own, which lists the definitions.",
)  # fmt: skip
def open_case(_row: None, given: OpenCase, context: VerbContext) -> Case:
    """Open a case. Its first steps are opened by the worker, at once."""
    found = _checked(context.call.by.tenant_id, given)
    opening = compiled_of(found.tenant_id, found.id)
    _check_opener(found, frozenset(opening.may_open), context.authority)
    case_id, at = new_id(), now()
    case = Case(
        id=case_id,
        tenant_id=context.call.by.tenant_id,
        definition=found,
        number=next_number(context.call.by.tenant_id, opening.case_number, at),
        title=(given.title or "").strip() or found.title or found.name,
        context=given.context,
        root_id=case_id,
        opened_by_id=context.authority.actor_id,
        created_at=at,
    )
    payloads = {
        "number": case.number,
        "title": case.title,
        "context": given.context,
        "definition": f"{found.key} {found.version}",
    }
    moves = Moves()
    moves.insert(case, "opened", by=context.by, payloads=payloads)
    moves.add_many(dues_of_opening(case, opening))
    moves.add_many(first_moments(case, opening))
    moves.record()
    return case


def _check_opener(found: CaseDefinition, groups: frozenset[str], authority: Authority) -> None:
    """Raise NotPermitted unless a definition that names groups names one of the opener's."""
    if groups and not authority.is_system and authority.groups.isdisjoint(groups):
        said = {"kind": found.title or found.name, "groups": joined(sorted(groups))}
        raise NotPermitted(_("“%(kind)s” is started by: %(groups)s.") % said)


def fault_of_opening(body: dict[str, Any], by: ActingUser) -> Invalid:
    """Return every rule that a case to be would break. In the tenant's scope."""
    try:
        _checked(by.tenant_id, read(OpenCase, body))
    except Invalid as refusal:
        return refusal
    return Invalid(errors=[])


def _checked(tenant_id: uuid.UUID, given: OpenCase) -> CaseDefinition:
    found = _definition(tenant_id, given.definition, given.version)
    sent = dict(given)
    context = beyond_limits(sent["context"], "/context", limit=CONTEXT_BYTES)
    if not isinstance(sent["context"], dict):
        context = FieldError("/context", _("must be an object"))
    asked = [] if context or isinstance(found, FieldError) else unasked(found, sent["context"])
    title = None
    if sent["title"] is not None:
        title = _fault_of_title(sent["title"])
    problems = [each for each in (found, context, title, *asked) if isinstance(each, FieldError)]
    if problems or isinstance(found, FieldError):
        raise Invalid(_("The case cannot be opened like this."), errors=problems)
    return found


def unasked(found: CaseDefinition, context: dict[str, Any]) -> list[FieldError]:
    """Return what the context breaks of the schema that its definition declares, if one does."""
    schema = compiled_of(found.tenant_id, found.id).input_schema
    if schema is None:
        return []
    return faults_of_value(found.tenant_id, schema, context, "/context")


def _fault_of_title(sent: object) -> FieldError | None:
    if not isinstance(sent, str) or len(sent) > MAX_TITLE:
        return FieldError(
            "/title", _("must be a text of at most %(n)d characters") % {"n": MAX_TITLE}
        )
    # One of spaces alone is none: the case is called like its definition.
    fault = fault_of_line(sent.strip()) if sent.strip() else None
    return None if fault is None else FieldError("/title", fault[1], fault[0])


def _definition(
    tenant_id: uuid.UUID, definition: str, version: str | None
) -> CaseDefinition | FieldError:
    if definition.count("/") != 1:
        return FieldError("/definition", _('must be "namespace/name"'))
    namespace, name = definition.split("/")
    rows = versions(tenant_id, namespace, name)
    if not rows:
        said = _("no definition %(name)r is deployed") % {"name": definition}
        return FieldError("/definition", said, "unknown")
    if version is None:
        return default_of(rows)
    said = _("%(name)s has no version %(version)r") % {"name": definition, "version": version}
    unknown = FieldError("/version", said, "unknown")
    return next((row for row in rows if row.version == version), unknown)
