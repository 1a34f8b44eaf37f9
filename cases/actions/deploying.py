"""Deploying a version of a case definition. A deployed version never changes."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from django.db import IntegrityError, transaction

from accounts.acting import ActingUser
from accounts.actions import lock_tenant, note_on_tenant
from cases.actions.door import operating
from cases.definitions import CompiledDefinition, DefinitionInvalid, compile_definition
from cases.errors import DefinitionExists
from cases.models import CaseDefinition
from executions import registry
from ledger.canonical import digest
from ledger.clock import now
from ledger.errors import FieldError, Invalid
from ledger.tenancy import set_tenant

MAX_SOURCE = 1024 * 1024
_ONCE = "cases_definition_once"


def check_definition(source: str | Mapping[str, Any]) -> CompiledDefinition:
    """Return the compiled definition without storing it.

    Raises Invalid with one error for each broken rule; a message names the line of the source.
    """
    if isinstance(source, str) and len(source) > MAX_SOURCE:
        raise Invalid.field("", f"must be at most {MAX_SOURCE} characters", code="too_large")
    try:
        return compile_definition(source, capabilities=registry.names())
    except DefinitionInvalid as problem:
        raise Invalid(
            "The definition breaks a rule.",
            code="definition_invalid",
            errors=[
                FieldError(
                    error.pointer,
                    error.message if error.line is None else f"line {error.line}: {error.message}",
                )
                for error in problem.errors
            ],
        ) from problem


def deploy_definition(
    source: str | Mapping[str, Any],
    *,
    acting_user: ActingUser,
    invalid: Invalid | None = None,
    remember: Callable[[CaseDefinition], None] | None = None,
) -> CaseDefinition:
    """Store a version of a definition; the same content again returns the stored row. Operators.

    Raises NotPermitted, DefinitionExists for another content under the same version, Invalid.
    """
    try:
        return _deploy(source, acting_user, invalid, remember)
    except IntegrityError as error:
        if _ONCE not in str(error):
            raise
    # Somebody deployed the same version at the same moment: this time it is found.
    return _deploy(source, acting_user, invalid, remember)


def _deploy(
    source: str | Mapping[str, Any],
    acting_user: ActingUser,
    invalid: Invalid | None,
    remember: Callable[[CaseDefinition], None] | None,
) -> CaseDefinition:
    with transaction.atomic(durable=True):
        set_tenant(acting_user.tenant_id)
        authority = operating(acting_user)
        if invalid is not None:
            raise invalid
        compiled = check_definition(source)
        lock_tenant(acting_user.tenant_id)
        row = CaseDefinition.objects.filter(
            namespace=compiled.namespace, name=compiled.name, version=compiled.version
        ).first()
        stored = compiled.to_json()
        fingerprint = digest(stored)
        if row is None:
            row = CaseDefinition(
                tenant_id=acting_user.tenant_id,
                namespace=compiled.namespace,
                name=compiled.name,
                version=compiled.version,
                title=compiled.title,
                source=source if isinstance(source, str) else json.dumps(source, indent=2),
                compiled=stored,
                digest=fingerprint,
                deployed_by_id=authority.actor_id,
                created_at=now(),
            )
            row.save(force_insert=True)
            note_on_tenant(
                acting_user.tenant_id,
                "definition_deployed",
                by=authority.ref(),
                payloads={"definition": f"{row.key} {row.version}", "digest": fingerprint},
            )
        elif row.digest != fingerprint:
            raise DefinitionExists(
                f"{row.key} {row.version} is deployed with other content; raise the version."
            )
        if remember is not None:
            remember(row)
    return row
