"""Deploying a version of a case definition. A deployed version never changes."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Annotated, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from pydantic import PrivateAttr
from typing_extensions import override

from accounts.actions import lock_tenant, note_on_tenant
from accounts.selectors import actors_by_username, groups_with_members
from cases.actions.checked_apart import Compiler, compile_apart
from cases.arrival_tables import EventListener
from cases.definitions import (
    CompiledDefinition,
    DefinitionInvalid,
    DefinitionWarning,
    ExpressionFailed,
    compile_definition,
    in_order,
    no_more_than,
)
from cases.definitions.parser import MAX_SOURCE_BYTES
from cases.how_undone import covered_capabilities
from cases.lifecycle import DEPLOY
from cases.models import CaseDefinition
from executions import capability_registry
from json_values.pointers import FieldError
from ledger.canonical import digest
from ledger.clock import now
from ledger.dispatch.consumer_registry import Trouble
from ledger.errors import Conflict, Invalid
from verbs import catalogue
from verbs.body_size import at_most
from verbs.input import Input
from verbs.shell import VerbContext
from workitems.selectors import template_names

DEFINITION = "case_definition"
#: Characters of a definition that the process it was sent to compiles itself.
SMALL_SOURCE = 16 * 1024
#: What is said of a name that is nobody's, by what it is the name of.
_NOBODYS = {
    "user": (
        "unknown_person",
        "{!r} is no active member here; where nobody else is named either, the operators are asked",
    ),
    "group": (
        "empty_group",
        "{!r} is a group without members here; an operator has to give its tasks to somebody",
    ),
    "template": (
        "unknown_template",
        "there is no template {!r} here: its step fails unless there is one by then",
    ),
}


class DefinitionExists(Conflict):
    """That version is deployed already, with other content."""

    default_code = "definition_exists"
    default_detail = gettext_lazy("That version is deployed with other content; raise the version.")


def check_definition(source: str | Mapping[str, Any]) -> CompiledDefinition:
    """Return the compiled definition without storing it: in a process of its own, unless it is so
    small that there is little to do.

    Raises Invalid with one error for each broken rule; a message names the line of the source.
    Raises Trouble where jq, or that process, does not answer.
    """
    return _checked(source, compile_definition if _is_small(source) else compile_apart)


def _is_small(source: str | Mapping[str, Any]) -> bool:
    """Whether it is compiled here in a fraction of a second, however it is written. With an anchor
    a short text may be a long definition."""
    try:
        text = source if isinstance(source, str) else json.dumps(source, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        # It is refused before anything is made of it.
        return True
    return len(text) <= SMALL_SOURCE and not ("&" in text and isinstance(source, str))


def check_apart(source: str | Mapping[str, Any]) -> CompiledDefinition:
    """Do the same in a process of its own, which may take so much time and memory and no more."""
    return _checked(source, compile_apart)


def _checked(source: str | Mapping[str, Any], compiled: Compiler) -> CompiledDefinition:
    try:
        return compiled(
            source, capabilities=capability_registry.names(), covered=covered_capabilities()
        )
    except DefinitionInvalid as problem:
        raise Invalid(
            _("The definition breaks a rule."),
            code="definition_invalid",
            errors=[
                FieldError(
                    each.pointer,
                    each.message if each.line is None else _line(each.line, each.message),
                    line=each.line,
                    column=each.column,
                )
                for each in problem.errors
            ],
        ) from problem
    except ExpressionFailed as away:
        raise Trouble(str(away)) from away


def _line(number: int, message: str) -> str:
    return _("line %(n)d: %(what)s") % {"n": number, "what": message}


def warnings_of(
    tenant_id: uuid.UUID, compiled: CompiledDefinition
) -> tuple[DefinitionWarning, ...]:
    """Return what works but may surprise, names among it that are nobody's here.

    Runs in the tenant's scope: who is here is a question to the database.
    """
    names = {kind: {each.name for each in compiled.named if each.kind == kind} for kind in _NOBODYS}
    known = {
        "user": actors_by_username(tenant_id, names["user"]).keys(),
        "group": groups_with_members(tenant_id, names["group"]),
        "template": template_names(tenant_id, names["template"]),
    }
    missing = [
        DefinitionWarning(each.line, each.pointer, said.format(each.name), code, each.column)
        for each in compiled.named
        for code, said in [_NOBODYS[each.kind]]
        if each.name not in known[each.kind]
    ]
    return no_more_than(in_order([*compiled.warnings, *missing]))


class Deploy(Input):
    """A version of a definition, as YAML text or as JSON."""

    source: Annotated[Any, at_most(MAX_SOURCE_BYTES)]
    _compiled: CompiledDefinition = PrivateAttr()

    @override
    def model_post_init(self, context: Any, /) -> None:
        """Compile it where input is read: that takes its time, and nobody waits for a lock yet."""
        self._compiled = check_definition(self.source)

    @property
    def compiled(self) -> CompiledDefinition:
        """The source, checked and compiled."""
        return self._compiled

    @classmethod
    @override
    def check_storable(cls, body: Mapping[str, Any]) -> None:
        """Leave it to the compiler, for which the source is the whole body."""


@catalogue.verb(
    DEFINITION, DEPLOY, action="definition_deployed", given=Deploy, creates=True, status=201,
    again_on="cases_definition_once", page=False,
    no_button="It has a page of its own, which checks the source line by line.",
)  # fmt: skip
def deploy_definition(_row: None, given: Deploy, context: VerbContext) -> CaseDefinition:
    """Store a version of a definition; the same content again returns the stored row.

    Other content under the same version is refused. The row carries the warnings of the moment.
    """
    tenant_id = context.call.by.tenant_id
    given_source: str | Mapping[str, Any] = given.source
    source = given_source if isinstance(given_source, str) else json.dumps(given_source, indent=2)
    compiled = given.compiled
    lock_tenant(tenant_id)
    stored = compiled.to_json()
    fingerprint = digest(stored)
    place = {name: stored[name] for name in ("namespace", "name", "version")}
    found = CaseDefinition.objects.filter(tenant_id=tenant_id, **place).first()
    if found is not None:
        # What is read of the same text may be more than it was when it was deployed.
        if found.digest != fingerprint and found.source != source:
            raise DefinitionExists(
                f"{found.key} {found.version} is deployed with other content; raise the version."
            )
        found.warnings = warnings_of(tenant_id, compiled)
        return found
    row = CaseDefinition(
        **place,
        tenant_id=tenant_id,
        title=compiled.title,
        source=source,
        compiled=stored,
        digest=fingerprint,
        deployed_by_id=context.authority.actor_id,
        created_at=now(),
    )
    row.save(force_insert=True)
    types = sorted({step.on_event.type for step in compiled.listening if step.on_event})
    EventListener.objects.bulk_create(
        EventListener(tenant_id=tenant_id, type=each, definition_id=row.id) for each in types
    )
    payloads: dict[str, object] = {"definition": f"{row.key} {row.version}", "digest": fingerprint}
    note_on_tenant(tenant_id, "definition_deployed", by=context.by, payloads=payloads)
    row.warnings = warnings_of(tenant_id, compiled)
    return row
