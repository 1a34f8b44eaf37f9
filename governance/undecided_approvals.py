"""Approvals that wait for a person, among what else waits for their decision."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.db.models import F, TextField, Value
from django.db.models.functions import Cast, JSONArray
from django.urls import reverse
from django.utils.translation import gettext_lazy

from governance.governed import governed
from governance.selectors import LONGEST_FIRST, to_decide
from verbs.subject import Description
from web.decisions import Decision, Found, Source


def _columns(_tenant_id: uuid.UUID) -> Mapping[str, Any]:
    return {
        "since": F("created_at"),
        "whole_id": F("case_id"),
        "name": F("action"),
        "thing": F("id"),
        "about_type": F("about_type"),
        "about_id": F("about_id"),
        "said": JSONArray(Cast("requested_by_id", TextField()), "reason", Value("")),
    }


def _show(found: Found, about: Description | None) -> Decision:
    label = str(governed(found.name).label)
    return Decision(
        label % {"what": about.title if about else ""},
        reverse("governance:approval", args=[found.thing]),
        gettext_lazy("Decide"),
        gettext_lazy("Waits for approval"),
        icon="badge-check",
    )


APPROVALS = Source("approval", to_decide, _columns, _show, order=LONGEST_FIRST, counted="approvals")
