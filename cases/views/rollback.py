"""Asking for a plan: scope, strategy, reason. Nothing is undone here."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from typing_extensions import override

from cases import actions, selectors
from cases.forms import ItemRollbackForm, RollbackForm
from cases.shown import case as case_shown
from cases.shown.plan import show
from cases.views.asking import CasesPage, crumb
from ledger.errors import NotFound
from ledger.tenancy import tenant_scope
from web.describers import describe

TEMPLATE = "cases/rollback.html"
HINTS = {
    "whole": gettext_lazy("Everything this case has finished, last finished first."),
    "from_step": gettext_lazy("What was finished later may rest on it, so it goes first."),
    "only_this": gettext_lazy("Later work stays, even where it rests on it."),
}
Form = TypeVar("Form", bound=ItemRollbackForm)


class _Ask(CasesPage, Generic[Form]):
    """Shows the form; a good answer makes a plan and leads to its preview."""

    kind = ""
    crumb_label = gettext_lazy("Roll back")

    def get(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Show the form, filled in from `?plan=` if that is given."""
        self.require_operator()
        return self._page(id, None)

    def post(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Make a plan and show it."""
        with tenant_scope(self.acting_user.tenant_id):
            form = self.form_for(id, request.POST)
            self.require_operator()
            if not form.is_valid():
                return self._page(id, form, status=422)
        return self.perform(
            lambda: actions.preview(
                (self.kind, id), **self.wish(form), acting_user=self.acting_user
            ),
            to=lambda plan: reverse("cases:plan", args=[plan.id]),
            form=form,
            again=lambda: self._page(id, form),
        )

    def wish(self, form: Form) -> dict[str, Any]:
        """Return what the form asks the plan service for."""
        return {
            "reason": form.cleaned_data["reason"],
            "strategy": form.cleaned_data["strategy"] or None,
            "regulatory_basis": form.basis,
        }

    def form_for(
        self,
        id: uuid.UUID,
        data: Mapping[str, Any] | None,
        initial: dict[str, Any] | None = None,
    ) -> Form:
        """Return the form about one subject. Raises NotFound."""
        raise TypeError(f"{type(self).__name__} has no form for {id}: {data} {initial}")

    def finished(self, id: uuid.UUID) -> list[dict[str, Any]]:
        """Return what could be undone, newest first, for the list beside the form."""
        raise TypeError(f"{type(self).__name__} lists nothing of {id}")

    def _page(self, id: uuid.UUID, form: Form | None, *, status: int = 200) -> HttpResponse:
        described = describe([(self.kind, id)])[self.kind, id]
        context = {
            "crumbs": [
                crumb(_("Cases"), reverse("cases:list")),
                crumb(described.title, described.url),
                crumb(self.crumb_label),
            ],
            "subject": {"label": described.title, "url": described.url},
            "form": form or self.form_for(id, None, self._initial()),
            "hints": HINTS,
            "url": self.request.path,
            "cancel_url": described.url or reverse("cases:runs"),
            "finished": self.finished(id),
        }
        return self.render(TEMPLATE, context, status=status)

    def _initial(self) -> dict[str, Any]:
        """Return the answers of the plan named in the address, with what the address changes."""
        try:
            shown = show(selectors.plan(uuid.UUID(self.request.GET.get("plan", ""))))
        except (ValueError, NotFound):
            step = self.request.GET.get("step", "")
            return {"step": step, "scope": "from_step" if step else "whole"}
        plan = shown.plan
        basis = plan.regulatory_basis[0] if plan.regulatory_basis else {}
        return {
            "scope": self.request.GET.get("scope") or shown.choice or "whole",
            "step": shown.step,
            "strategy": self.request.GET.get("strategy", plan.strategy),
            "include": [*plan.include, *self.request.GET.getlist("include")],
            "reason": plan.reason,
            "basis_code": basis.get("code", ""),
            "basis_note": basis.get("note", ""),
        }


class RollbackCase(_Ask[RollbackForm]):
    """Ask for a plan of a case."""

    kind = "case"

    @override
    def form_for(
        self,
        id: uuid.UUID,
        data: Mapping[str, Any] | None,
        initial: dict[str, Any] | None = None,
    ) -> RollbackForm:
        """Return the form with the case's finished steps to choose from."""
        work = case_shown.work(selectors.case(id))
        return RollbackForm(
            data,
            initial=initial,
            steps=[(row["binding"], row["title"]) for row in work.finished],
            undeclared=[(name, case_shown.title_of(name)) for name in work.undeclared],
        )

    @override
    def wish(self, form: RollbackForm) -> dict[str, Any]:
        """Add scope and steps to include."""
        include = form.cleaned_data.get("include") or []
        return {**super().wish(form), "scope": form.wanted, "include": include}

    @override
    def finished(self, id: uuid.UUID) -> list[dict[str, Any]]:
        """Return the case's finished work."""
        return case_shown.work(selectors.case(id)).finished


class _AskItem(_Ask[ItemRollbackForm]):
    """Ask for a plan of one finished piece of work."""

    @override
    def form_for(
        self,
        id: uuid.UUID,
        data: Mapping[str, Any] | None,
        initial: dict[str, Any] | None = None,
    ) -> ItemRollbackForm:
        """Return the form, if there is such a piece of work."""
        case_shown.one(self.kind, id)
        return ItemRollbackForm(data, initial=initial)

    @override
    def finished(self, id: uuid.UUID) -> list[dict[str, Any]]:
        """Return the one piece of work, once it is finished."""
        return case_shown.finished_one(self.kind, id)


class RollbackWorkItem(_AskItem):
    """Ask for a plan of a work item."""

    kind = "work_item"


class RollbackExecution(_AskItem):
    """Ask for a plan of an execution."""

    kind = "execution"
