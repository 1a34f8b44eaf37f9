"""The page of one case, and its verbs."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cases import actions, selectors
from cases.forms import ReasonForm
from cases.lifecycle import ROLLING_BACK, CaseStatus
from cases.permissions import case_actions
from cases.shown import case as case_shown
from cases.shown import run as run_shown
from cases.shown import sheet
from cases.views.asking import CasesPage, case_buttons, crumb, run_buttons
from ledger.tenancy import tenant_scope
from web.entries import ledger_url

OLDER_RUNS = 10
UNDOING = frozenset({*ROLLING_BACK, CaseStatus.COMPENSATED, CaseStatus.PARTIALLY_COMPENSATED})


class CasePage(CasesPage):
    """A case: its work, its rollback, its causal chain, its timeline."""

    def get(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Show it."""
        case = selectors.case(id)
        only = request.GET.get("problems") == "1"
        found = sheet.read(case, operates=self.operates, problems_only=only)
        panel = self._panel(found)
        undoing = panel is not None and case.status in UNDOING
        context = {
            "crumbs": [crumb(_("Cases"), reverse("cases:list")), crumb(case.title)],
            "case": facts(case),
            "summary": panel["headline"] if panel and undoing else case_shown.summary(found.work),
            "actions": self._buttons(case),
            "run": panel,
            "plan_items": found.work.listed,
            "undeclared": [case_shown.title_of(name) for name in found.work.undeclared],
            **_chain(found, id),
            "ledger_url": ledger_url("case", id),
            "timeline": found.timeline,
            "problems": {"only": only, "url": "?" if only else "?problems=1"},
            "context": found.work.context,
            "invalidated": [case_shown.title_of(key) for key in case.invalidated],
            "past_runs": [
                {
                    "label": run.reason,
                    "url": reverse("cases:run", args=[run.id]),
                    "status": run.status,
                    "at": run.started_at,
                }
                for run in found.others[:OLDER_RUNS]
            ],
        }
        return self.render("cases/detail.html", context)

    def _panel(self, found: sheet.Sheet) -> dict[str, Any] | None:
        if found.newest is None:
            return None
        shown = found.newest.shown
        buttons = run_buttons(run_shown.actions_of(shown, self.rights), shown.run.id)
        return found.newest.panel(buttons)

    def _buttons(self, case: Any) -> list[dict[str, Any]]:
        found = case_actions(case, self.rights, run_status=case.live_status)
        # While it is rolled back, the panel of its run has the buttons that hold it and go on.
        if case.status in ROLLING_BACK:
            found = [each for each in found if each.action not in {"suspend", "resume"}]
        return case_buttons(found, case.id)


def _chain(found: sheet.Sheet, id: uuid.UUID) -> dict[str, Any]:
    url = reverse("cases:chain", args=[id])
    figure = found.figure(label=_("Causal chain of this case"), table_url=url)
    if figure is None:
        return {"figure": None, "chain_url": "", "svg_url": ""}
    return {"figure": figure, "chain_url": url, "svg_url": reverse("cases:chain-svg", args=[id])}


def facts(case: Any) -> dict[str, Any]:
    """Return `case` of `cases/detail.html`."""
    return {
        "id": case.id,
        "title": case.title,
        "status": case.status,
        "version": case.version,
        "definition": str(case.definition),
        "created_at": case.created_at,
        "parent": None,
    }


class _CaseVerb(CasesPage):
    """A verb of a case that needs no words: a button."""

    verb: Callable[..., Any]
    done: str | Promise = ""

    def post(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Do it and go back to the case; refused, the case says why."""
        verb = type(self).verb
        return self.perform(
            lambda: verb(id, acting_user=self.acting_user, expected_version=self.posted_version()),
            to=reverse("cases:detail", args=[id]),
            message=self.done,
            again=lambda: self._page(request, id),
        )

    def _page(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        page = CasePage()
        page.setup(request, id=id)
        return page.get(request, id)


class SuspendCase(_CaseVerb):
    """Put a case on hold."""

    verb = staticmethod(actions.suspend_case)
    done = gettext_lazy("The case is on hold.")


class ResumeCase(_CaseVerb):
    """Let a case go on."""

    verb = staticmethod(actions.resume_case)
    done = gettext_lazy("The case goes on.")


class _CaseEnd(CasesPage):
    """A verb of a case that is thought about twice: a page with a reason."""

    verb: Callable[..., Any]
    title: str | Promise = ""
    warning: str | Promise = ""
    submit: str | Promise = ""
    done: str | Promise = ""

    def get(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Ask."""
        self.require_operator()
        return self._page(id, ReasonForm())

    def post(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Do it."""
        form = ReasonForm(request.POST)
        if not form.is_valid():
            with tenant_scope(self.acting_user.tenant_id):
                return self._page(id, form, status=422)
        verb = type(self).verb
        return self.perform(
            lambda: verb(
                id,
                reason=form.cleaned_data["reason"],
                acting_user=self.acting_user,
                expected_version=self.posted_version(),
            ),
            to=reverse("cases:detail", args=[id]),
            message=self.done,
            form=form,
            again=lambda: self._page(id, form),
        )

    def _page(self, id: uuid.UUID, form: ReasonForm, *, status: int = 200) -> HttpResponse:
        case = selectors.case(id)
        url = reverse("cases:detail", args=[id])
        context = {
            "crumbs": [
                crumb(_("Cases"), reverse("cases:list")),
                crumb(case.title, url),
                crumb(self.title),
            ],
            "title": self.title,
            "intro": case.title,
            "tone": "danger",
            "warning": self.warning,
            "form": form,
            "url": self.request.path,
            "submit_label": self.submit,
            "cancel_url": url,
            "version": case.version,
        }
        return self.render("workitems/action.html", context, status=status)


class CancelCase(_CaseEnd):
    """Call a case off."""

    verb = staticmethod(actions.cancel_case)
    title = gettext_lazy("Cancel this case")
    warning = gettext_lazy(
        "Open tasks and programs that have not begun are cancelled. What is done stays done; roll"
        " the case back to undo it."
    )
    submit = gettext_lazy("Cancel the case")
    done = gettext_lazy("The case is cancelled.")


class CloseCase(_CaseEnd):
    """Shut the window for good."""

    verb = staticmethod(actions.close_case)
    title = gettext_lazy("Close this case")
    warning = gettext_lazy("Nothing of a closed case can be undone any more. This is final.")
    submit = gettext_lazy("Close the case")
    done = gettext_lazy("The case is closed.")
