"""Opening a case. Its first steps are fired by the engine, from the event, never here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction

from accounts.acting import ActingUser, authority_of
from cases.models import Case, CaseDefinition
from ledger.clock import now
from ledger.errors import FieldError, Invalid
from ledger.ids import new_id
from ledger.limits import CONTEXT_BYTES, check_json
from ledger.record import Change, record
from ledger.tenancy import set_tenant

MAX_TITLE = 300


def open_case(
    definition: Any,
    version: Any = None,
    *,
    context: Any,
    title: Any = None,
    acting_user: ActingUser,
    invalid: Invalid | None = None,
    remember: Callable[[Case], None] | None = None,
) -> Case:
    """Open a case of `namespace/name`, of the newest version unless one is named. Any member.

    `context` is a JSON object of at most 1 MiB and depth 32. Raises NotPermitted, Invalid.
    """
    with transaction.atomic(durable=True):
        set_tenant(acting_user.tenant_id)
        authority = authority_of(acting_user)
        if invalid is not None:
            raise invalid
        found = _checked(definition, version, context, title)
        case_id = new_id()
        case = Case(
            id=case_id,
            tenant_id=acting_user.tenant_id,
            definition=found,
            title=(title or "").strip() or found.title or found.name,
            context=context,
            root_id=case_id,
            opened_by_id=authority.actor_id,
            created_at=now(),
        )
        case.save(force_insert=True)
        record(
            Change(
                tenant_id=case.tenant_id,
                subject_type=Case.subject_type,
                subject_id=case.id,
                version=case.version,
                action="opened",
                actor=authority.ref(),
                to_status=str(case.status),
                opens=True,
                case_id=case.id,
                payloads={
                    "title": case.title,
                    "context": context,
                    "definition": f"{found.key} {found.version}",
                },
            )
        )
        if remember is not None:
            remember(case)
    return case


def _checked(definition: Any, version: Any, context: Any, title: Any) -> CaseDefinition:
    problems: list[FieldError] = []
    found = None
    try:
        found = _definition(definition, version)
    except Invalid as invalid:
        problems.extend(invalid.errors)
    if not isinstance(context, dict):
        problems.append(FieldError("/context", "must be an object"))
    else:
        try:
            check_json(context, "/context", limit=CONTEXT_BYTES)
        except Invalid as invalid:
            problems.extend(invalid.errors)
    if title is not None and (not isinstance(title, str) or len(title) > MAX_TITLE):
        problems.append(FieldError("/title", f"must be a text of at most {MAX_TITLE} characters"))
    if problems or found is None:
        raise Invalid("The case cannot be opened like this.", errors=problems)
    return found


def _definition(definition: Any, version: Any) -> CaseDefinition:
    if not isinstance(definition, str) or definition.count("/") != 1:
        raise Invalid.field("/definition", 'must be "namespace/name"')
    if version is not None and not isinstance(version, str):
        raise Invalid.field("/version", "must be a text")
    namespace, name = definition.split("/")
    rows = CaseDefinition.objects.filter(namespace=namespace, name=name)
    if not rows.exists():
        raise Invalid.field(
            "/definition", f"no definition {definition!r} is deployed", code="unknown"
        )
    if version is not None:
        rows = rows.filter(version=version)
    found = rows.order_by("-created_at", "-id").first()
    if found is None:
        raise Invalid.field("/version", f"{definition} has no version {version!r}", code="unknown")
    return found
