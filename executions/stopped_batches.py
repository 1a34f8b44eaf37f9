"""Batches that stand still until an operator tries again: news of them could not be handled."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.db.models import F, QuerySet, TextField, Value
from django.db.models.functions import Cast
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from executions.batch_selectors import batches
from executions.models import Batch
from verbs.subject import Description
from web.decisions import Decision, Found, Source, of_operators


def _stopped(tenant_id: uuid.UUID) -> QuerySet[Any]:
    return batches(tenant_id).filter(stopped_since__isnull=False)


def _columns(_tenant_id: uuid.UUID) -> Mapping[str, Any]:
    return {
        "since": F("stopped_since"),
        "name": Cast("id", TextField()),
        "thing": F("id"),
        "about_type": Value(Batch.subject_type),
        "about_id": F("id"),
    }


def _show(found: Found, whole: Description | None) -> Decision:
    return Decision(
        _("%(what)s has stopped") % {"what": whole.title if whole else found.name},
        reverse("executions:batch", args=[found.thing]),
        gettext_lazy("Look"),
        gettext_lazy("Stopped"),
    )


STOPPED_BATCHES = Source("stopped_batch", of_operators(_stopped), _columns, _show)
