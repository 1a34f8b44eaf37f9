"""How cases and rollbacks are called on pages, and where theirs are."""

from __future__ import annotations

import uuid
from collections.abc import Collection

from django.urls import reverse
from django.utils.translation import gettext as _

from cases.models import Case, CompensationRun
from web import describers
from web.describers import Description


def describe_cases(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Description]:
    """Describe cases by id, in one query."""
    rows = Case.objects.filter(id__in=list(ids)).values_list("id", "title", "status")
    return {id_: case_description(id_, title, status) for id_, title, status in rows}


def case_description(id_: uuid.UUID, title: str, status: str) -> Description:
    """Return how one case is called."""
    return Description(title, reverse("cases:detail", args=[id_]), status, "briefcase")


def describe_runs(ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Description]:
    """Describe rollbacks by id, after what they are about: one query, and one per kind of it."""
    rows = list(
        CompensationRun.objects.filter(id__in=list(ids)).values_list(
            "id", "status", "about_type", "about_id"
        )
    )
    about = describers.describe((type_, about_id) for _id, _status, type_, about_id in rows)
    return {
        id_: run_description(id_, status, about[type_, about_id].title)
        for id_, status, type_, about_id in rows
    }


def run_description(id_: uuid.UUID, status: str, about: str) -> Description:
    """Return how the rollback of something called `about` is called."""
    title = _("Rollback of %(what)s") % {"what": about}
    return Description(title, reverse("cases:run", args=[id_]), status, "undo-2")


def register() -> None:
    """Make cases and rollbacks known to every page."""
    describers.register("case", describe_cases)
    describers.register("compensation_run", describe_runs)
