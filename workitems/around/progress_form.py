"""How far an item is, as its page shows it, and the form in which that is said.

The form asks in the shape that was chosen first, by whoever reported; a person begins with a
percentage.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.acting import Authority
from web.form_fields import NOT_OFFERED
from workitems.around.addition_tables import FORWARD, UNDO, Progress
from workitems.around.around_reading import Around
from workitems.around.progress_reports import report_progress, share_of
from workitems.lifecycle import Kind, Status
from workitems.models import WorkItem

_PREFIX = "progress_%s"


class ProgressForm(forms.Form):
    """How far it is now. Made for one item: `ProgressForm(item, before, data)`."""

    def __init__(
        self, item: WorkItem, before: Progress | None, data: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(data, auto_id=_PREFIX)
        self.dimension = dimension_of(item)
        self.shape = "percentage" if before is None else before.shape
        self._before = None if before is None else before.value
        self.fields["done"] = _FIELDS[self.shape](self._before)

    def body(self) -> dict[str, Any]:
        """Return what the verb is given by a valid form."""
        done: Any = self.cleaned_data["done"]
        value = done
        if self.shape == "count" and self._before is not None:
            value = {**self._before, "done": done}
        elif self.shape == "steps" and self._before is not None:
            value = [
                {**each, "done": str(place) in done} for place, each in enumerate(self._before)
            ]
        return {"dimension": self.dimension, "shape": self.shape, "value": value}


def dimension_of(item: WorkItem) -> str:
    """Return what is told of an item now: its work, or how far it is undone."""
    undoing = item.kind == Kind.COMPENSATION or item.status == Status.COMPENSATING
    return UNDO if undoing else FORWARD


def may_say(item: WorkItem, authority: Authority) -> bool:
    """Whether somebody may say how far an item is now."""
    said = {"dimension": dimension_of(item)}
    return (
        not report_progress.denied(item, authority, None)
        and report_progress.refusal(item, None, said) is None
    )


def _percent(before: Any) -> forms.Field:
    return forms.IntegerField(
        label=gettext_lazy("Done, of a hundred"), min_value=before or 0, max_value=100,
        initial=before,
    )  # fmt: skip


def _count(before: Any) -> forms.Field:
    return forms.IntegerField(
        label=gettext_lazy("So many are done"), min_value=before["done"],
        max_value=before["total"], initial=before["done"],
    )  # fmt: skip


def _steps(before: Any) -> forms.Field:
    return forms.MultipleChoiceField(
        label=gettext_lazy("Done"), required=False, widget=forms.CheckboxSelectMultiple,
        choices=[(str(place), each["name"]) for place, each in enumerate(before)],
        initial=[str(place) for place, each in enumerate(before) if each["done"]],
        error_messages=NOT_OFFERED,
    )  # fmt: skip


_FIELDS = {"percentage": _percent, "count": _count, "steps": _steps}


def words_of(shape: str, value: Any) -> str:
    """Return how far something is, in words."""
    if shape == "count" and value["total"] is None:
        return _("%(done)d done") % {"done": value["done"]}
    if shape == "count":
        return _("%(done)d of %(total)d done") % {"done": value["done"], "total": value["total"]}
    if shape == "steps":
        done = sum(each["done"] for each in value)
        return _("%(done)d of %(total)d steps done") % {"done": done, "total": len(value)}
    return _("%(share)d %% done") % {"share": value}


def bars(found: Mapping[str, Progress | None]) -> list[dict[str, Any]]:
    """Return how far each dimension is: `{label, words, share, undo}`, those that were told."""
    labels = {FORWARD: _("The work"), UNDO: _("Its undo")}
    return [
        {
            "label": labels[dimension],
            "words": words_of(row.shape, row.value),
            "share": share_of(row),
            "undo": dimension == UNDO,
        }
        for dimension, row in found.items()
        if row is not None
    ]


def progress(
    item: WorkItem, found: Around, authority: Authority, refused: ProgressForm | None
) -> dict[str, Any]:
    """Return `progress` of workitems/progress.html, with the form that was `refused`, if it was."""
    form = None
    if may_say(item, authority):
        form = refused or ProgressForm(item, found.progress[dimension_of(item)])
    return {
        "bars": bars(found.progress),
        "form": form,
        "open": refused is not None,
        "url": reverse("workitems:progress", args=[item.id]),
    }
