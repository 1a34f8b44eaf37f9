"""Refusals of the verbs of executions."""

from __future__ import annotations

from ledger.errors import Conflict


class AlreadyDispatched(Conflict):
    """A worker has started it; what it does must be awaited."""

    default_code = "already_dispatched"
    default_detail = "It has already been dispatched; its result is awaited."


class ManagedByRun(Conflict):
    """A compensation run opened it and alone decides about it."""

    default_code = "managed_by_run"
    default_detail = "A compensation run manages this; act on the run's step instead."
