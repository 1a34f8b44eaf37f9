"""The preview of a rollback, and the button that runs exactly what it shows."""

from __future__ import annotations

import uuid
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from cases import actions, selectors
from cases.errors import PlanExpired, PlanStale, RunLive
from cases.forms import scope_of
from cases.shown import plan as plan_shown
from cases.shown.plan import PlanShown
from cases.views.asking import OPERATORS_ONLY, CasesPage, crumb
from ledger.errors import NotFound, Refusal
from ledger.tenancy import tenant_scope
from web.problems import status_of

TEMPLATE = "cases/preview.html"
ASK_ROUTES = {
    "case": "cases:rollback",
    "work_item": "cases:rollback-work-item",
    "execution": "cases:rollback-execution",
}


def ask_url(shown: PlanShown, **changed: str) -> str:
    """Return the page that asks for a new plan, filled in as this one was, but for `changed`."""
    kind, id_ = shown.about
    query = urlencode({"plan": str(shown.plan.id), **changed})
    return f"{reverse(ASK_ROUTES[kind], args=[id_])}?{query}"


class PlanView(CasesPage):
    """What the pages of a plan share."""

    def read(self, plan_id: uuid.UUID) -> PlanShown:
        """Read a plan and everything it speaks of, in the tenant's scope. Raises NotFound."""
        with tenant_scope(self.acting_user.tenant_id):
            return plan_shown.show(selectors.plan(plan_id))

    def show(
        self,
        shown: PlanShown,
        *,
        status: int = 200,
        stale: dict[str, Any] | None = None,
        confirm_error: str = "",
    ) -> HttpResponse:
        """Render the preview of a plan, in the tenant's scope."""
        run = selectors.run_of_plan(shown.plan.id)
        context = {
            "crumbs": _crumbs(shown),
            "plan": plan_shown.facts(shown),
            "summary": shown.summary,
            "tiles": plan_shown.tiles(shown),
            "steps": plan_shown.steps(shown),
            "excluded": plan_shown.excluded(shown, self._link_of(shown)),
            "cancelled": shown.open_work,
            "figure": plan_shown.figure(shown),
            "replan": self._replan(shown),
            "consequence": shown.effect,
            "execute": self._execute(shown, confirm_error),
            "started": None if run is None else reverse("cases:run", args=[run.id]),
            "stale": stale,
            "again_url": ask_url(shown) if self.operates else "",
        }
        return self.render(TEMPLATE, context, status=status)

    def _link_of(self, shown: PlanShown) -> plan_shown.LinkOf:
        def link(code: str, name: str) -> str:
            if not self.operates:
                return ""
            if code == "include":
                return ask_url(shown, include=name)
            if code == "correct":
                return ask_url(shown, strategy="correct")
            if code == "scope_from_step" and shown.step:
                return ask_url(shown, scope="from_step")
            return ""

        return link

    def _replan(self, shown: PlanShown) -> dict[str, Any] | None:
        step = shown.step or self.request.GET.get("step", "")[:200]
        if shown.plan.subject_type != "case" or not step or not self.operates:
            return None
        scopes = [
            {"value": value, "label": label, "current": value == shown.choice}
            for value, label in (
                ("only_this", _("Only this")),
                ("from_step", _("From here on")),
                ("whole", _("Everything")),
            )
        ]
        return {
            "url": reverse("cases:plan-scope", args=[shown.plan.id]),
            "scopes": scopes,
            "hidden": [{"name": "step", "value": step}],
        }

    def _execute(self, shown: PlanShown, confirm_error: str) -> dict[str, Any]:
        return {
            "url": reverse("cases:plan-execute", args=[shown.plan.id]),
            "allowed": self.operates,
            "reason": "" if self.operates else OPERATORS_ONLY,
            "submit_label": _("Roll back") if shown.plan.subject_type == "case" else _("Undo it"),
            "confirm_text": shown.confirm_text,
            "confirm_error": confirm_error,
            "hidden": [{"name": "digest", "value": shown.plan.digest}],
        }


class PlanPage(PlanView):
    """What would be undone."""

    def get(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Show a plan."""
        return self.show(self.read(id))


class PlanExecute(PlanView):
    """Runs a plan: what was shown, or nothing."""

    def post(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Start the run, and go to the case or the run."""
        shown = self.read(id)
        self.require_operator()
        wanted, typed = shown.confirm_text, request.POST.get("confirm", "").strip()
        if wanted and typed != wanted:
            error = _("Type %(text)s exactly as it stands here.") % {"text": wanted}
            with tenant_scope(self.acting_user.tenant_id):
                return self.show(shown, status=422, confirm_error=error)
        digest = request.POST.get("digest", "")
        try:
            run = actions.execute(id, digest=digest, acting_user=self.acting_user)
        except NotFound:
            raise
        except PlanExpired as refusal:
            text = _("This plan has expired, so nothing was run. Make a new one.")
            return self._refused(shown, refusal, text)
        except PlanStale as refusal:
            return self._stale(shown, refusal)
        except RunLive as refusal:
            return self._live(shown, refusal)
        except Refusal as refusal:
            return self._refused(shown, refusal)
        messages.success(request, _("The rollback has begun."))
        return self.go(_after(shown, run.id))

    def _live(self, shown: PlanShown, refusal: RunLive) -> HttpResponse:
        """A second click on the same button leads where the first one did."""
        with tenant_scope(self.acting_user.tenant_id):
            run = selectors.run_of_plan(shown.plan.id)
        if run is not None and str(run.id) == refusal.extra["run"]:
            return self.go(_after(shown, run.id))
        return self._refused(shown, refusal)

    def _stale(self, shown: PlanShown, refusal: PlanStale) -> HttpResponse:
        """Say what changed, and show the plan as it is now."""
        plan = shown.plan
        try:
            fresh = actions.preview(
                shown.about,
                reason=plan.reason,
                scope=plan.scope,
                strategy=plan.strategy or None,
                include=plan.include,
                regulatory_basis=plan.regulatory_basis,
                acting_user=self.acting_user,
            )
        except Refusal as further:
            return self._refused(shown, further)
        with tenant_scope(self.acting_user.tenant_id):
            stale = plan_shown.changes(refusal.extra.get("difference", {}), shown.plan, fresh)
            return self.show(plan_shown.show(fresh), status=status_of(refusal), stale=stale)

    def _refused(self, shown: PlanShown, refusal: Refusal, text: str = "") -> HttpResponse:
        messages.error(self.request, text or refusal.detail)
        with tenant_scope(self.acting_user.tenant_id):
            return self.show(shown, status=status_of(refusal))


class PlanScope(PlanView):
    """Another scope makes another plan, with the same reason."""

    def post(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Make the new plan and show it."""
        shown = self.read(id)
        step = request.POST.get("step", "")
        return self.perform(
            lambda: actions.preview(
                shown.about,
                reason=shown.plan.reason,
                scope=scope_of(request.POST.get("scope", ""), step),
                strategy=shown.plan.strategy or None,
                regulatory_basis=shown.plan.regulatory_basis,
                acting_user=self.acting_user,
            ),
            to=lambda made: f"{reverse('cases:plan', args=[made.id])}?{urlencode({'step': step})}",
            again=lambda: self.show(shown),
        )


def _crumbs(shown: PlanShown) -> list[dict[str, Any]]:
    home = (
        crumb(_("Cases"), reverse("cases:list"))
        if shown.plan.subject_type == "case"
        else crumb(_("Rollbacks"), reverse("cases:runs"))
    )
    return [home, crumb(shown.subject.title, shown.subject.url), crumb(_("Roll back"))]


def _after(shown: PlanShown, run_id: uuid.UUID) -> str:
    """Return where to follow what was started."""
    kind, id_ = shown.about
    if kind == "case":
        return reverse("cases:detail", args=[id_])
    return reverse("cases:run", args=[run_id])
