"""Executions that stand still until an operator decides: of an unclear outcome, or not undone."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.db.models import Case, F, QuerySet, When
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compensation.sentences import title_of
from compensation.undecided import failed_alone
from executions.lifecycle import ExecutionStatus
from executions.models import Execution
from executions.selectors import visible
from verbs.subject import Description
from web.decisions import Decision, Found, Source, of_operators

_NAME = Case(When(binding="", then=F("capability")), default=F("binding"))


def _unclear(tenant_id: uuid.UUID) -> QuerySet[Any]:
    # Of what undoes, its original says that it needs a decision.
    return visible(tenant_id).filter(status=ExecutionStatus.UNCERTAIN, undoes_id__isnull=True)


def _columns(_tenant_id: uuid.UUID) -> Mapping[str, Any]:
    return {
        "since": Coalesce("ended_at", "started_at", "created_at"),
        "whole_id": F("case_id"),
        "name": _NAME,
        "thing": F("id"),
    }


def _show(found: Found, whole: Description | None) -> Decision:
    return Decision(
        _("Did %(what)s happen?") % {"what": title_of(found.name)},
        reverse("executions:detail", args=[found.thing]),
        gettext_lazy("Settle"),
        gettext_lazy("Outcome unclear"),
        whole.title if whole else "",
    )


UNCLEAR = Source("unclear", of_operators(_unclear), _columns, _show)
FAILED_ALONE = failed_alone(Execution.subject_type, visible, _NAME, "executions:detail")
