"""Deciding about a step of a rollback that did not undo what it should."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.selectors import actors_by_username
from cases import actions, selectors
from cases.forms import AbandonForm, EvidenceForm, PerformerForm
from cases.permissions import step_actions
from cases.shown import run as run_shown
from cases.views.asking import CasesPage, button, crumb
from cases.words import humane, title_of
from ledger.errors import Invalid, NotFound
from ledger.tenancy import tenant_scope

TEMPLATE = "cases/run_step.html"
Text = str | Promise


@dataclasses.dataclass(frozen=True, slots=True)
class Decision:
    """One way to decide. `form` None: nothing has to be said."""

    action: str
    label: Text
    hint: Text
    submit: Text
    done: Text
    verb: Callable[..., Any]
    form: type[forms.Form] | None = None
    tone: str = ""


DECISIONS: dict[str, Decision] = {
    each.action: each
    for each in (
        Decision(
            "retry",
            gettext_lazy("Try again"),
            gettext_lazy("The same undo once more, by the same person or program."),
            gettext_lazy("Try again"),
            gettext_lazy("It is tried again."),
            actions.retry_step,
        ),
        Decision(
            "reassign",
            gettext_lazy("Give it to somebody else"),
            gettext_lazy("Another person or group is asked to undo it."),
            gettext_lazy("Hand over"),
            gettext_lazy("Somebody else is asked now."),
            actions.reassign_step,
            PerformerForm,
        ),
        Decision(
            "hand-to-human",
            gettext_lazy("Let a person do it"),
            gettext_lazy("Instead of the program that could not."),
            gettext_lazy("Hand over"),
            gettext_lazy("A person is asked now."),
            actions.hand_step_to_human,
            PerformerForm,
        ),
        Decision(
            "attest",
            gettext_lazy("It is undone already"),
            gettext_lazy("You vouch for it, and say what shows it."),
            gettext_lazy("Attest"),
            gettext_lazy("Recorded as undone, on your word."),
            actions.attest_step,
            EvidenceForm,
        ),
        Decision(
            "abandon",
            gettext_lazy("Give it up"),
            gettext_lazy("Its effect stays. The rollback goes on and ends with an exception."),
            gettext_lazy("Give it up"),
            gettext_lazy("Given up. Its effect stays, and that is recorded."),
            actions.abandon_step,
            AbandonForm,
            "danger",
        ),
    )
}


class StepPage(CasesPage):
    """A step: what was tried, and how to go on."""

    def get(self, request: HttpRequest, id: uuid.UUID, n: int) -> HttpResponse:
        """Show it."""
        return self.show(id, n)

    def show(
        self,
        id: uuid.UUID,
        n: int,
        *,
        asked: str = "",
        form: forms.Form | None = None,
        status: int = 200,
    ) -> HttpResponse:
        """Render the page; `form` is the broken one of the decision `asked`."""
        run = selectors.run(id)
        shown = selectors.show_run(run)
        each = next((each for each in shown.steps if each.step.n == n), None)
        if each is None:
            raise NotFound("There is no such step.")
        read = run_shown.read(shown, operates=self.operates)
        original = read.described[each.step.original_type, each.step.original_id]
        label = _("the rollback of %(what)s") % {"what": read.subject.title}
        url = reverse("cases:run", args=[id])
        title = title_of(each.step.original_name)
        by_program = each.step.compensation_type == "execution"
        allowed = step_actions(run, each.step, self.authority)
        context = {
            "crumbs": [
                crumb(_("Rollbacks"), reverse("cases:runs")),
                crumb(read.subject.title, url),
                crumb(title),
            ],
            "run": {"label": label, "url": url, "version": run.version},
            "step": {
                "n": n,
                "title": title,
                "url": original.url,
                "status": each.step.status,
                "error": humane(each.step.error),
                "attempts": read.attempts(each),
            },
            "choices": [
                self._choice(action, id, n, form if action.action == asked else None)
                for action in allowed
                if action.action != "hand-to-human" or by_program
            ],
        }
        return self.render(TEMPLATE, context, status=status)

    def _choice(
        self, action: Any, id: uuid.UUID, n: int, form: forms.Form | None
    ) -> dict[str, Any]:
        decision = DECISIONS[action.action]
        made = decision.form(auto_id=f"{action.action}_%s") if decision.form else None
        return {
            **button(
                action, decision.label, reverse(f"cases:run-step-{action.action}", args=[id, n])
            ),
            "hint": decision.hint,
            "form": form or made,
            "submit_label": decision.submit,
            "tone": decision.tone,
            "open": form is not None,
        }


class DecideStep(StepPage):
    """One decision, sent."""

    http_method_names = ("post", "options")
    action = ""

    def post(self, request: HttpRequest, id: uuid.UUID, n: int) -> HttpResponse:
        """Decide and go back to the rollback."""
        decision = DECISIONS[self.action]
        form = decision.form(request.POST, auto_id=f"{self.action}_%s") if decision.form else None
        said: dict[str, Any] = {}
        if form is not None:
            if not form.is_valid():
                with tenant_scope(self.acting_user.tenant_id):
                    return self.show(id, n, asked=self.action, form=form, status=422)
            try:
                said = self._said(form)
            except Invalid as refusal:
                return self.refused(
                    refusal,
                    form=form,
                    again=lambda: self.show(id, n, asked=self.action, form=form),
                )
        return self.perform(
            lambda: decision.verb(
                id,
                n,
                **said,
                acting_user=self.acting_user,
                expected_version=self.posted_version(),
            ),
            to=reverse("cases:run", args=[id]),
            message=decision.done,
            form=form,
            again=lambda: self.show(id, n, asked=self.action, form=form),
        )

    def _said(self, form: forms.Form) -> dict[str, Any]:
        if not isinstance(form, PerformerForm):
            return dict(form.cleaned_data)
        username = form.cleaned_data["assignee"]
        assignee = None
        if username:
            with tenant_scope(self.acting_user.tenant_id):
                assignee = actors_by_username([username]).get(username)
            if assignee is None:
                raise Invalid.field("/assignee", _("There is nobody of this name here."))
        return {"assignee": assignee, "candidate_groups": form.groups}
