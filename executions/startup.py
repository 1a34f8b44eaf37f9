"""What this app tells the others when the program starts."""

from __future__ import annotations

import dataclasses

from django.conf import settings
from django.utils.module_loading import autodiscover_modules
from django.utils.translation import gettext_lazy

from compensation.actions.previewing import declare_plan_verb
from compensation.api.shapes import PLAN_RESULT
from compensation.events import ENGINE_LANE
from compensation.ways import register_performer
from executions import asking_elsewhere, capability_registry, execution_context, watched, words
from executions.actions import batch_stopping, batch_turns, other_tenants
from executions.actions.execution_approvals import GOVERNED
from executions.actions.execution_opening import prepare_undo, unfit
from executions.api.batch_json import BatchSchema, represent_batches
from executions.api.execution_json import ExecutionSchema, represent_many
from executions.batch_subject import BATCH
from executions.capability_file import register_declared
from executions.due_executions import SOURCE
from executions.events import BATCHES
from executions.models import Batch, Execution
from executions.personal import TABLES, executions_inside
from executions.stopped_batches import STOPPED_BATCHES
from executions.subject import EXECUTION
from executions.undecided_executions import FAILED_ALONE, UNCLEAR
from governance.governed import register_governed
from ledger.dispatch.consumer_registry import Consumer, register_consumer, register_source
from ledger.erasure.personal_data import declare, declare_inside
from ledger.erasure.retention import declare_at_rest
from ledger.verify import register_guarded
from verbs import subject
from web import decisions, live, nav

# What the API adds: the domain's own module does not know it.
SHOWN = dataclasses.replace(
    EXECUTION,
    shape=represent_many,
    schema=ExecutionSchema,
    crumbs=execution_context.crumbs,
    results={"compensation-plan": PLAN_RESULT},
)

BATCH_SHOWN = dataclasses.replace(
    BATCH,
    shape=represent_batches,
    schema=BatchSchema,
    results={"compensation-plan": PLAN_RESULT},
)
# Chosen by the entry of a call itself. A dead task holds its own batch, and every undo in it: a
# batch never skips a call.
BATCH_CONSUMER = Consumer(
    name=BATCHES,
    wants=lambda _type: False,
    handle=batch_turns.hear,
    holds=True,
    lane=ENGINE_LANE,
    stopped=batch_stopping.stopped,
    goes_on=batch_stopping.goes_on,
)


def register() -> None:
    """Register executions and batches, the source of due rows, and that programs can undo; load
    every app's `capabilities`, and those of the deployment's file."""
    declare(*TABLES)
    declare_at_rest(
        "execution",
        "executions_execution",
        "SUCCEEDED FAILED REJECTED EXPIRED SUPERSEDED CANCELLED COMPENSATED",
    )
    declare_at_rest(
        "batch",
        "executions_batch",
        "COMPLETED FAILED CANCELLED COMPENSATED PARTIALLY_COMPENSATED CLOSED",
        also="(SELECT x.batch_id FROM executions_execution x WHERE x.tenant_id = e.tenant_id"
        " AND e.subject_type = 'execution' AND x.id = e.subject_id)",
    )
    declare_inside(executions_inside)
    for shown in (SHOWN, BATCH_SHOWN):
        subject.register(shown)
        declare_plan_verb(shown.subject_type)
    register_source(SOURCE)
    register_consumer(BATCH_CONSUMER)
    register_consumer(other_tenants.CONSUMER)
    asking_elsewhere.register()
    for source in (FAILED_ALONE, UNCLEAR, STOPPED_BATCHES):
        decisions.register(source)
    register_performer(
        "automated", prepare_undo, unfit=unfit,
        safe_on_nothing=capability_registry.is_safe_without_effect,
        risk=capability_registry.risk_of,
    )  # fmt: skip
    for action, verb in GOVERNED.items():
        register_governed(action, verb)
    words.register()
    label = gettext_lazy("Automatic steps")
    nav.register(nav.NavEntry("executions", label, "bot", "executions:list", order=25))
    live.register(*watched.PAGES)
    register_guarded("executions_execution", Execution.subject_type)
    register_guarded("executions_batch", Batch.subject_type)
    autodiscover_modules("capabilities")
    register_declared(settings.AMENDS_CAPABILITIES)
