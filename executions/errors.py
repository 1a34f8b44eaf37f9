"""Refusals of the verbs of executions."""

from __future__ import annotations

from django.utils.translation import gettext_lazy

from ledger.errors import Conflict


class AlreadyDispatched(Conflict):
    """A worker has started it; what it does must be awaited."""

    default_code = "already_dispatched"
    default_detail = gettext_lazy("It has already been dispatched; its result is awaited.")
