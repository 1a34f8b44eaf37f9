"""Cases that stand still until an operator tries again: their engine has stopped."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.db.models import F, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cases.models import Case
from verbs.subject import Description
from web.decisions import Decision, Found, Source, of_operators


def _stopped(tenant_id: uuid.UUID) -> QuerySet[Any]:
    return Case.objects.filter(tenant_id=tenant_id, stopped_since__isnull=False)


def _columns(_tenant_id: uuid.UUID) -> Mapping[str, Any]:
    return {
        "since": F("stopped_since"),
        "whole_id": F("id"),
        "name": F("title"),
        "thing": F("id"),
    }


def _show(found: Found, whole: Description | None) -> Decision:
    return Decision(
        _("%(what)s has stopped") % {"what": whole.title if whole else found.name},
        reverse("cases:detail", args=[found.thing]),
        gettext_lazy("Look"),
        gettext_lazy("Stopped"),
    )


STOPPED_CASES = Source("stopped_case", of_operators(_stopped), _columns, _show)
