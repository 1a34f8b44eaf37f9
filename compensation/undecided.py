"""What in undoing stands still until an operator decides: failed steps, undos that failed alone."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from compensation.lifecycle import LIVE_RUNS, StepStatus
from compensation.models import CompensationAttempt, CompensationRun, CompensationStep
from compensation.sentences import title_of
from verbs.subject import Description
from web.decisions import Decision, Found, Source, of_operators, told_by

DECIDE = gettext_lazy("Decide")
NEEDED = gettext_lazy("Needs a decision")
STOPPED = gettext_lazy("Stopped")


def _failed_steps(tenant_id: uuid.UUID) -> QuerySet[Any]:
    return CompensationStep.objects.filter(tenant_id=tenant_id, status=StepStatus.FAILED)


def _of_step(tenant_id: uuid.UUID) -> Mapping[str, Any]:
    return {
        "since": Coalesce("ended_at", "started_at", "run__started_at"),
        "whole_id": F("run__whole_id"),
        "about_type": F("run__whole_type"),
        "about_id": F("run__whole_id"),
        "name": F("original_name"),
        "thing": F("run_id"),
        "n": F("n"),
        "said": told_by(tenant_id, OuterRef("compensation_id")),
    }


def _show_step(found: Found, whole: Description | None) -> Decision:
    name = title_of(found.name)
    what = whole.title if whole else name
    return Decision(
        _("Rollback of %(what)s needs a decision") % {"what": what},
        reverse("compensation:run-step", args=[found.thing, found.n]),
        DECIDE, NEEDED, name if whole else "",
    )  # fmt: skip


def _stopped_runs(tenant_id: uuid.UUID) -> QuerySet[Any]:
    return CompensationRun.objects.filter(
        tenant_id=tenant_id, status__in=LIVE_RUNS, stopped_since__isnull=False
    )


def _of_run(_tenant_id: uuid.UUID) -> Mapping[str, Any]:
    return {
        "since": F("stopped_since"),
        "whole_id": F("whole_id"),
        "about_type": F("whole_type"),
        "about_id": F("whole_id"),
        "name": F("reason"),
        "thing": F("id"),
    }


def _show_run(found: Found, whole: Description | None) -> Decision:
    title = _("Rollback of %(what)s has stopped") % {"what": whole.title if whole else found.name}
    return Decision(
        title, reverse("compensation:run", args=[found.thing]), gettext_lazy("Look"), STOPPED
    )


FAILED_STEPS = Source("failed_step", of_operators(_failed_steps), _of_step, _show_step)
STOPPED_RUNS = Source("stopped_run", of_operators(_stopped_runs), _of_run, _show_run)


def failed_alone(
    type_: str, rows: Callable[[uuid.UUID], QuerySet[Any]], name: Any, page: str
) -> Source:
    """Return the source of one kind of originals whose undo failed outside a run. `page` is the
    name of the address of one; a step decides about those of a run."""

    def undecided(tenant_id: uuid.UUID) -> QuerySet[Any]:
        steps = _failed_steps(tenant_id).filter(original_id=OuterRef("id"))
        attempts = CompensationAttempt.objects.filter(
            tenant_id=tenant_id, original_type=type_, original_id=OuterRef("id")
        ).order_by("-round", "-number")
        failed = rows(tenant_id).filter(tenant_id=tenant_id, status="COMPENSATION_FAULTED")
        alone: QuerySet[Any] = failed.annotate(
            held_by=Subquery(steps.values("id")[:1]),
            failed_at=Subquery(attempts.values("ended_at")[:1]),
            undone_by=Subquery(attempts.values("compensation_id")[:1]),
        ).filter(held_by__isnull=True)
        return alone

    def columns(tenant_id: uuid.UUID) -> Mapping[str, Any]:
        return {
            "since": Coalesce("failed_at", "created_at"),
            "whole_id": F("case_id"),
            "name": name,
            "thing": F("id"),
            "said": told_by(tenant_id, OuterRef("undone_by")),
        }

    def show(found: Found, whole: Description | None) -> Decision:
        title = _("The undo of %(what)s needs a decision") % {"what": title_of(found.name)}
        url = reverse(page, args=[found.thing])
        return Decision(title, url, DECIDE, NEEDED, whole.title if whole else "")

    return Source(f"undecided_{type_}", of_operators(undecided), columns, show)
