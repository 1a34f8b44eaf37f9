"""Reads of definitions and cases. Every function runs in the caller's tenant scope."""

from __future__ import annotations

import time
import uuid
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING, Any, TypedDict

from django.db import DEFAULT_DB_ALIAS
from django.db.models import JSONField, Max, OuterRef, Q, QuerySet, Subquery
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.utils.translation import gettext as _

from cases.definitions import CompiledDefinition, Needs, needs
from cases.lifecycle import OPEN_ITEMS, CaseStatus
from cases.models import Case, CaseDefinition, PlanItem
from cases.versions import highest_first
from compensation.selectors import live_runs
from ledger.erasure.personal_data import KEPT_SECONDS
from ledger.errors import NotFound
from ledger.statements import answered

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations


#: The order of plan items.
AS_OPENED = ("created_at", "id")
#: Definitions by their ids; so many that the busy ones of a server are among them.
_MOST_KEPT = 128
#: With the time until which it is known.
_compiled: dict[uuid.UUID, tuple[float, CompiledDefinition]] = {}
# Read whenever a case is opened: a text that is kept, and neither source nor compiled form.
_VERSIONS = """
SELECT id, tenant_id, namespace, name, version, title, digest, deployed_by_id, created_at
FROM cases_casedefinition WHERE tenant_id = %s AND namespace = %s AND name = %s
ORDER BY created_at DESC, id DESC
"""


class Live(TypedDict):
    """What `cases` adds to each row: the run that is live in it."""

    live_run: uuid.UUID | None
    live_status: str | None


def definitions(tenant_id: uuid.UUID) -> QuerySet[CaseDefinition]:
    """Return every deployed version, newest first, without what is in it: `summaries` has what a
    list shows of that."""
    rows = CaseDefinition.objects.filter(tenant_id=tenant_id).defer("source", "compiled")
    return rows.order_by("-created_at", "-id")


def definition(tenant_id: uuid.UUID, namespace: str, name: str, version: str) -> CaseDefinition:
    """Return one deployed version. Raises NotFound."""
    rows = definitions(tenant_id).filter(namespace=namespace, name=name, version=version)
    found = rows.defer(None).defer("source").first()
    if found is None:
        raise NotFound(_("There is no such definition."))
    return found


def versions(tenant_id: uuid.UUID, namespace: str, name: str) -> list[CaseDefinition]:
    """Return every deployed version of one definition, highest first, without what is in it."""
    found, columns = answered(_VERSIONS, [tenant_id, namespace, name])
    return highest_first(CaseDefinition.from_db(DEFAULT_DB_ALIAS, columns, row) for row in found)


def kinds(tenant_id: uuid.UUID, most: int) -> dict[str, list[CaseDefinition]]:
    """Return all versions of the `most` definitions that were deployed last, by their keys."""
    last = (
        CaseDefinition.objects.filter(tenant_id=tenant_id)
        .values("namespace", "name")
        .annotate(last=Max("created_at"))
        .order_by("-last", "namespace", "name")[:most]
    )
    found: dict[str, list[CaseDefinition]] = {
        f"{each['namespace']}/{each['name']}": [] for each in last
    }
    for row in definitions(tenant_id):
        if row.key in found:
            found[row.key].append(row)
    return {key: highest_first(rows) for key, rows in found.items()}


def summaries(tenant_id: uuid.UUID, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, str]:
    """Return what deployed versions say about themselves."""
    rows = CaseDefinition.objects.filter(tenant_id=tenant_id, id__in=list(ids))
    return dict(rows.values_list("id", KeyTextTransform("summary", "compiled")))


def compiled(row: CaseDefinition) -> CompiledDefinition:
    """Return a deployed version as the engine uses it."""
    return _known(row.id) or _kept(row.id, row.compiled)


def compiled_of(tenant_id: uuid.UUID, definition_id: uuid.UUID) -> CompiledDefinition:
    """Return the same by its id."""
    return compiled_all(tenant_id, [definition_id])[definition_id]


def compiled_all(
    tenant_id: uuid.UUID, ids: Iterable[uuid.UUID]
) -> dict[uuid.UUID, CompiledDefinition]:
    """Return the same of several, in one query at most."""
    wanted = set(ids)
    found = {id_: kept for id_ in wanted if (kept := _known(id_)) is not None}
    unread = wanted - found.keys()
    if unread:
        rows = CaseDefinition.objects.filter(tenant_id=tenant_id, id__in=unread)
        stored = rows.values_list("id", "compiled")
        found.update({id_: _kept(id_, each) for id_, each in stored})
    return found


def _known(definition_id: uuid.UUID) -> CompiledDefinition | None:
    until, found = _compiled.get(definition_id, (0.0, None))
    return found if time.monotonic() < until else None


def _kept(definition_id: uuid.UUID, stored: Any) -> CompiledDefinition:
    """Keep a deployed version for as long as may be: it never changes, save that somebody who is
    erased is named in it no more."""
    found = CompiledDefinition.from_json(stored)
    if len(_compiled) >= _MOST_KEPT:
        _compiled.clear()
    _compiled[definition_id] = time.monotonic() + KEPT_SECONDS, found
    return found


def with_definition(rows: QuerySet[Case]) -> QuerySet[Case]:
    """Read each case with its definition's names, without what is in it."""
    heavy = ("definition__source", "definition__compiled")
    return rows.select_related("definition").defer(*heavy)


def cases(tenant_id: uuid.UUID) -> QuerySet[WithAnnotations[Case, Live]]:
    """Return every case of the tenant, newest first, with its definition.

    `live_run` and `live_status` are the id and the status of the run that is live in it, or None.
    """
    live = live_runs(tenant_id).filter(root_id=OuterRef("root_id"))
    return (
        with_definition(Case.objects.filter(tenant_id=tenant_id))
        .annotate(
            live_run=Subquery(live.values("id")[:1]),
            live_status=Subquery(live.values("status")[:1]),
        )
        .order_by("-created_at", "-id")
    )


def case(tenant_id: uuid.UUID, case_id: uuid.UUID) -> WithAnnotations[Case, Live]:
    """Return one case as `cases` does. Raises NotFound."""
    found = cases(tenant_id).filter(id=case_id).first()
    if found is None:
        raise NotFound(_("There is no such case."))
    return found


def plan_items(tenant_id: uuid.UUID, case_id: uuid.UUID) -> QuerySet[PlanItem]:
    """Return a case's plan items in the order in which they were opened."""
    return PlanItem.objects.filter(tenant_id=tenant_id, case_id=case_id).order_by(*AS_OPENED)


def beside(case: Case, items: Iterable[PlanItem]) -> dict[uuid.UUID, Case]:
    """Return the case above one and the cases of its plan items, by id: one query, or none where
    there are none."""
    ids = {item.target_id for item in items if item.is_case and item.target_id is not None}
    ids |= {case.parent_id} if case.parent_id is not None else set()
    if not ids:
        return {}
    rows = Case.objects.filter(tenant_id=case.tenant_id, id__in=ids).defer("context")
    return {row.id: row for row in rows}


def waiting_for(rows: Iterable[Case]) -> dict[uuid.UUID, Needs]:
    """Return what the running ones of some cases of one tenant wait for that have nothing open, by
    case: two queries at most."""
    running = {row.id: row for row in rows if row.status == CaseStatus.RUNNING}
    if not running:
        return {}
    tenant_id = next(iter(running.values())).tenant_id
    items = PlanItem.objects.filter(tenant_id=tenant_id, case_id__in=list(running))
    busy = set(items.filter(status__in=OPEN_ITEMS).values_list("case_id", flat=True))
    idle = [row for id_, row in running.items() if id_ not in busy]
    known = compiled_all(tenant_id, (row.definition_id for row in idle))
    found = {row.id: needs(known[row.definition_id], row.context) for row in idle}
    return {id_: each for id_, each in found.items() if each is not None}


def undoes_something(tenant_id: uuid.UUID, name: str) -> bool:
    """Whether a deployed definition of the tenant undoes a step by the capability of this name."""
    binding = {"compensation_only": True, "capability_call": {"capability": name}}
    declared = {"policy": {"capability": name}}
    # The column keeps the author's order, and cannot be looked into as it is.
    rows = CaseDefinition.objects.filter(tenant_id=tenant_id)
    rows = rows.annotate(parts=Cast("compiled", JSONField()))
    return rows.filter(
        Q(parts__contains={"bindings": [binding]}) | Q(parts__contains={"bindings": [declared]})
    ).exists()


def signals_of(case: Case) -> list[str]:
    """Return the signals that steps of a case hear, in the order of the definition."""
    steps = compiled_of(case.tenant_id, case.definition_id).listening
    return list(dict.fromkeys(step.on_signal for step in steps if step.on_signal))
