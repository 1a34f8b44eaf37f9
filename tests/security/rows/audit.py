"""Every member reads the ledger of their tenant, and nobody another's."""

from __future__ import annotations

import uuid

from django.db import transaction

from ledger.selectors import entries_by_id, entries_of, latest_ref
from ledger.tenancy import set_tenant, tenant_scope
from ledger.verifications import request_verification
from tests import states
from tests.batching import asked, calls_now, transfer
from tests.casework import deploy, finish, opened, roll_back
from tests.definitions import definition, human
from tests.sealed import sealed
from tests.security.matrix import Kwargs, Row, expect
from tests.signing import registered, retire_all
from tests.world import World


def an_entry(world: World) -> dict[str, object]:
    """Return the newest entry about the analyst."""
    with tenant_scope(world.analyst.tenant_id):
        found = latest_ref(world.analyst.tenant_id, "actor", world.analyst.actor_id)
    assert found is not None
    return {"id": found.id}


def a_subject(world: World) -> dict[str, object]:
    """Return a subject with a chain."""
    return {"type": "actor", "id": world.analyst.actor_id}


def a_sealed_entry(world: World) -> dict[str, object]:
    """Return an entry that is in the tree."""
    sealed(world.analyst.tenant_id)
    return an_entry(world)


def of_a_tree(world: World, _kwargs: Kwargs) -> dict[str, object]:
    """Ask about a tree that there is, from its beginning."""
    sealed(world.analyst.tenant_id)
    return {"first": 1}


def about_the_analyst(world: World, _kwargs: Kwargs) -> dict[str, object]:
    """Ask for the evidence about the analyst."""
    return {"subject": f"actor:{world.analyst.actor_id}"}


def a_check(world: World) -> dict[str, object]:
    """Ask for a check of the ledger and return it."""
    tenant = world.analyst.tenant_id
    with transaction.atomic():
        set_tenant(tenant)
        return {"id": request_verification(tenant, world.analyst.actor_id).id}


def _case(world: World) -> uuid.UUID:
    deploy(world, definition("told", human("a"), success=".a != null"))
    return opened(world, "tests/told")


def a_case(world: World) -> dict[str, object]:
    """Return a case that has just begun."""
    return {"id": _case(world)}


def a_run(world: World) -> dict[str, object]:
    """Return a rollback of one step."""
    case_id = _case(world)
    finish(world.analyst, case_id, "a", None)
    return {"id": roll_back(world, case_id).id}


def an_item(world: World) -> dict[str, object]:
    """Return a finished task."""
    return {"id": states.completed(world.operator).id}


def a_batch(world: World) -> dict[str, object]:
    """Return a batch of one call."""
    return {"id": asked(world, transfer(1)).id}


def an_execution(world: World) -> dict[str, object]:
    """Return the call of such a batch."""
    return {"id": calls_now(world, asked(world, transfer(1)).id)[0].id}


def what_the_agent_did(world: World) -> dict[str, object]:
    """Return the entry that says that the agent has done a task."""
    item = states.completed(world.agent)
    with tenant_scope(world.agent.tenant_id):
        return {"id": entries_of(world.agent.tenant_id, "work_item", item.id)[-1].id}


def _signature(world: World, kwargs: Kwargs) -> dict[str, object]:
    """Sign it with a key of the agent; one before it is used no more."""
    retire_all(world.agent)
    with tenant_scope(world.agent.tenant_id):
        found = entries_by_id(world.agent.tenant_id, [uuid.UUID(str(kwargs["id"]))])
    [entry] = found.values()
    return dict(registered(world.agent).over(entry))


_FLAG = {"verdict": "FLAGGED", "evidence": "Two of these within a minute"}

ROWS = {
    "audit:entries": Row(GET=expect(200)),
    "audit:entry": Row(make=an_entry, GET=expect(200)),
    "audit:subject": Row(make=a_subject, GET=expect(200)),
    "audit:check": Row(GET=expect(200), POST=expect(303)),
    # Without a file the form is shown again.
    "audit:check-export": Row(GET=expect(200), POST=expect(422)),
    "audit:health": Row(GET=expect(403, operator=200, auditor=200, admin=200)),
    "audit-api:health": Row(GET=expect(403, operator=200, auditor=200, admin=200)),
    "audit-api:metrics": Row(GET=expect(403, operator=200, auditor=200, admin=200)),
    "audit:report": Row(GET=expect(200)),
    "audit-api:report": Row(GET=expect(422)),
    "audit-api:entries": Row(GET=expect(200)),
    "audit-api:entry": Row(make=an_entry, GET=expect(200)),
    "audit-api:proof": Row(make=a_sealed_entry, GET=expect(200)),
    # Nothing of the outsider's tenant has been sealed.
    "audit-api:checkpoint": Row(GET=expect(200, body=of_a_tree, outsider=409)),
    "audit-api:export": Row(GET=expect(200, body=about_the_analyst, outsider=404)),
    "audit-api:verify": Row(POST=expect(202)),
    "audit-api:verification": Row(make=a_check, GET=expect(200)),
    "audit-api:consistency": Row(GET=expect(200, body=of_a_tree, outsider=409)),
    "audit-api:attestations": Row(
        make=an_entry,
        GET=expect(200),
        POST=expect(403, body=_FLAG, auditor=201, operator=201, approver=201, admin=201),
    ),
    "audit-api:signatures": Row(
        make=what_the_agent_did, GET=expect(200), POST=expect(403, body=_signature, agent=201)
    ),
    "audit:entry-attest": Row(
        make=an_entry,
        GET=expect(200),
        POST=expect(403, body=_FLAG, auditor=303, operator=303, approver=303, admin=303),
    ),
    "audit-api:case-provenance": Row(make=a_case, GET=expect(200)),
    "audit-api:work_item-provenance": Row(make=an_item, GET=expect(200)),
    "audit-api:execution-provenance": Row(make=an_execution, GET=expect(200)),
    "audit-api:batch-provenance": Row(make=a_batch, GET=expect(200)),
    "audit-api:compensation_run-provenance": Row(make=a_run, GET=expect(200)),
}
