"""What this app tells the others when the program starts."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from django.utils.module_loading import autodiscover_modules

from executions import selectors
from executions.actions import undoing
from executions.models import Execution
from executions.running import SOURCE
from ledger.dispatch.registry import register_source
from ledger.verify import register_guarded
from web import describers
from web.describers import Description


def register() -> None:
    """Register the source of due rows, the part in undoing, how executions are called; load every
    app's `capabilities`."""
    register_source(SOURCE)
    undoing.register()
    register_guarded("executions_execution", Execution.subject_type)
    describers.register("execution", _describe)
    autodiscover_modules("capabilities")


def _describe(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Description]:
    """Call an execution by its step in the case, else by its capability. It has no page."""
    return {
        id_: Description(row.binding or row.capability, status=str(row.status), icon="cog")
        for id_, row in selectors.by_id(ids).items()
    }
