"""The preview of a rollback, and the button that runs exactly what it shows."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from compensation import plan_context, plan_steps, selectors
from compensation.actions.plan_execution import execute
from compensation.actions.previewing import about
from compensation.errors import PlanExpired, PlanStale, RunLive
from compensation.forms import WordForm, scope_of
from compensation.lifecycle import LIVE_RUNS, RESIDUAL_EXCLUSIONS, RunStatus
from compensation.plan import every_exclusion, is_waived
from compensation.plan_changes import Changes, changes
from compensation.plan_context import PlanContext
from compensation.run_context import RunContext
from compensation.run_figure import figure
from compensation.sentences import title_of
from compensation.subject import whole_subject
from compensation.usual_times import usual_beside
from compensation.views.operator_pages import OPERATORS_ONLY, OperatorPage, crumb
from compensation.views.plan_request import ask_url, preview_verb, way_to
from compensation.views.under_way import started
from compensation.views.words_kept import OVERRIDE, WAIVE, with_words_that_fit
from ledger.clock import now
from ledger.errors import NotFound, Refusal
from ledger.tenancy import tenant_scope
from verbs.call import Call
from web.problems import status_of

TEMPLATE = "compensation/preview.html"
#: Of a plan that was executed.
EXECUTED = "compensation/executed.html"
#: From so many steps on one can choose to go back; a page that asks anew has all of them.
MOST_STARTS = 50


class PlanView(OperatorPage):
    """What the pages of a plan share."""

    def read(self, plan_id: uuid.UUID) -> PlanContext:
        """Read a plan and everything it speaks of, in the tenant's scope. Raises NotFound."""
        tenant_id = self.acting_user.tenant_id
        with self.scope():
            return self.context_of(
                selectors.plan_with(tenant_id, plan_id, usual=usual_beside(tenant_id))
            )

    def context_of(self, plan: Any, *, moved: Collection[str] = ()) -> PlanContext:
        """Read everything that a plan speaks of, with the rollbacks there are of it."""
        place = about(plan.tenant_id, *plan.about)
        run, live = selectors.runs_at(plan, place.root)
        whole = place.whole if place.row is None else None
        return plan_context.plan_context(plan, whole=whole, moved=moved, run=run, live=live)

    def plan_again(self, plan: Any, **changed: Any) -> Any:
        """Make a new plan of the same, for the same reason."""
        wish: dict[str, Any] = {
            "reason": plan.reason,
            "strategy": plan.strategy or None,
            "regulatory_basis": plan.regulatory_basis,
        }
        said = {OVERRIDE: plan.override_window, "include": plan.include}
        if whole_subject(plan.subject_type) is not None:
            said |= {"scope": plan.scope, WAIVE: plan.waive, "resume_after": plan.resume_after}
        wish |= {**said, **changed}
        return preview_verb(plan.subject_type)(plan.subject_id, call=Call(self.acting_user), **wish)

    def show(
        self,
        context: PlanContext,
        *,
        status: int = 200,
        stale: Changes | None = None,
        confirm_error: str = "",
        word: WordForm | None = None,
    ) -> HttpResponse:
        """Render the preview of a plan, in the tenant's scope."""
        if context.run is not None:
            return self.render(EXECUTED, self._executed(context), status=status)
        page = {
            **self._planned(context),
            "summary": context.summary,
            "tiles": plan_context.tiles(context),
            "steps": plan_steps.steps(context),
            "cancelled": context.open_work,
            "figure": plan_context.figure(context),
            "replan": self._replan(context),
            "how_far": self._how_far(context),
            "consequence": context.effect,
            "hearers": plan_steps.hearers(context),
            "execute": self._execute(context, confirm_error),
            "under_way": None if context.live is None else started(context.live, context.named),
            "stale": stale,
            # Another plan than the one that this address leads to.
            "in_place": stale is not None,
            "word": self._word(context, word),
            "again_url": _again(context) if self.operates else "",
        }
        return self.render(TEMPLATE, page, status=status)

    def _word(self, context: PlanContext, form: WordForm | None) -> dict[str, Any] | None:
        """Return `word` of the template, where there is something to be said of a step."""
        if not self.operates or context.live is not None or context.plan.expires_at <= now():
            return None
        found = form or word_form(context)
        url = reverse("compensation:plan-words", args=[context.plan.id])
        return None if found is None else {"form": found, "url": url}

    def _planned(self, context: PlanContext) -> dict[str, Any]:
        """Return what is said of a plan before and after it was executed."""
        return {
            "crumbs": [
                *way_to(context.plan.about, context.subject, context.whole),
                crumb(_("Roll back")),
            ],
            "plan": plan_context.facts(context),
            "left_out": plan_context.left_out(context, self._link_of(context)),
        }

    def _executed(self, context: PlanContext) -> dict[str, Any]:
        """Return the context of `compensation/executed.html`: how far its rollback really is."""
        found = selectors.one_with_steps(context.run)
        # What undoes each step, and who was asked, is told on the page of the rollback.
        shown = RunContext(
            found, context.described, context.named, {}, self.operates, called=context.reader.people
        )
        is_live = context.run.status in LIVE_RUNS
        return {
            **self._planned(context),
            "title": _("What is being undone") if is_live else _("What was undone"),
            "summary": shown.headline,
            "started": started(context.run, context.named),
            "progress": found.progress,
            "steps": [shown.step(at) for at in range(len(found.steps))],
            "figure": figure(shown, label=_("What is undone, in order")),
        }

    def _link_of(self, context: PlanContext) -> plan_context.LinkOf:
        def link(code: str, name: str, url: str) -> str:
            if not self.operates or context.run is not None:
                return ""
            if code in {"include", "undo_anyway"}:
                return _again(context, include=name)
            if code == "correct":
                return _again(context, strategy="correct")
            if code in {"settle_outcome", "roll_back_first"}:
                return url
            if code == "scope_from_step" and context.step:
                return _again(context, scope="from_step")
            return ""

        return link

    def _replan(self, context: PlanContext) -> dict[str, Any] | None:
        step = context.step or self.request.GET.get("step", "")[:200]
        if not context.is_whole or not step or not self.operates:
            return None
        scopes = [
            {
                "value": value,
                "label": label,
                "current": value == plan_context.choice_of(context.plan),
            }
            for value, label in (
                ("only_this", _("Only this")),
                ("from_step", _("From here on")),
                ("whole", _("Everything")),
            )
        ]
        return {
            "url": reverse("compensation:plan-scope", args=[context.plan.id]),
            "scopes": scopes,
            "hidden": [{"name": "step", "value": step}],
        }

    def _how_far(self, context: PlanContext) -> dict[str, Any] | None:
        """Return `how_far` of the template, for a whole of which more than one step was done."""
        names = plan_context.from_the_first(context.plan)[:MOST_STARTS]
        if not context.is_whole or not self.operates or len(names) < 2:  # noqa: PLR2004  -- a choice
            return None
        chosen = context.step if context.plan.scope["kind"] == "from_step" else ""
        said = [(name, _("From %(step)s on") % {"step": title_of(name)}) for name in names]
        return {
            "url": reverse("compensation:plan-scope", args=[context.plan.id]),
            "starts": [
                {"value": value, "label": label, "current": value == chosen}
                for value, label in [("", _("Everything")), *said]
            ],
        }

    def _execute(self, context: PlanContext, confirm_error: str) -> dict[str, Any]:
        reason = "" if self.operates else str(OPERATORS_ONLY)
        label = _("Roll back") if context.is_whole else _("Undo it")
        asks = _("Ask for approval")
        return {
            "url": reverse("compensation:plan-execute", args=[context.plan.id]),
            "allowed": not reason,
            "reason": reason,
            "submit_label": asks if context.plan.requires_approval else label,
            "confirm_text": context.confirm_text,
            "confirm_error": confirm_error,
            "hidden": [{"name": "digest", "value": context.plan.digest}],
        }


class PlanPage(PlanView):
    """What would be undone."""

    def get(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Show a plan."""
        return self.show(self.read(id))


class PlanExecute(PlanView):
    """Runs a plan: what was shown, or nothing."""

    def post(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Start the run, and go to the whole that is rolled back, or to the run."""
        context = self.read(id)
        self.require_operator()
        if context.run is not None:
            return self._followed(context, context.run)
        error = plan_context.typed_wrong(context.confirm_text, request.POST)
        if error:
            with tenant_scope(self.acting_user.tenant_id):
                return self.show(context, status=422, confirm_error=error)
        try:
            run = execute(id, call=Call(self.acting_user, digest=request.POST.get("digest", "")))
        except NotFound:
            raise
        except Refusal as refusal:
            return self._not_run(context, refusal)
        if run.status == RunStatus.PENDING_APPROVAL:
            messages.success(request, _("Asked for. It begins once others have agreed."))
            return self.go(reverse("compensation:run", args=[run.id]))
        messages.success(request, _("The rollback has begun."))
        return self.go(_after(context, run.id))

    def _not_run(self, context: PlanContext, refusal: Refusal) -> HttpResponse:
        """Say why, with the way on."""
        if isinstance(refusal, PlanStale):
            return self._stale(context, refusal)
        if isinstance(refusal, RunLive) and (run := self._run_of(context)) is not None:
            return self._followed(context, run)
        expired = isinstance(refusal, PlanExpired)
        text = _("This plan has expired, so nothing was run. Make a new one.") if expired else ""
        return self._refused(context, refusal, text)

    def _run_of(self, context: PlanContext) -> Any:
        with tenant_scope(self.acting_user.tenant_id):
            return selectors.run_of_plan(context.plan)

    def _followed(self, context: PlanContext, run: Any) -> HttpResponse:
        """A second click on the same button, or one in another tab, leads where the first one did
        and is told since when it runs."""
        with tenant_scope(self.acting_user.tenant_id):
            found = started(run)
        link = format_html('<a href="{}">{}</a>', found["url"], found["label"])
        messages.info(self.request, format_html("{} {}", found["sentence"], link))
        return self.go(_after(context, run.id))

    def _stale(self, context: PlanContext, refusal: PlanStale) -> HttpResponse:
        """Say what changed, and show the plan as it is now."""
        try:
            fresh = self._fresh(context.plan)
        except Refusal as further:
            return self._refused(context, further)
        with tenant_scope(self.acting_user.tenant_id):
            stale = changes(context.plan, fresh)
            present = self.context_of(fresh, moved=stale.moved)
            return self.show(present, status=status_of(refusal), stale=stale)

    def _fresh(self, plan: Any) -> Any:
        """Return the plan as it is now, with those words about steps that still fit."""
        return with_words_that_fit(plan, lambda words: self.plan_again(plan, **words))

    def _refused(self, context: PlanContext, refusal: Refusal, text: str = "") -> HttpResponse:
        messages.error(self.request, text or refusal.detail)
        with tenant_scope(self.acting_user.tenant_id):
            return self.show(context, status=status_of(refusal))


class PlanScope(PlanView):
    """Another scope makes another plan, with the same reason."""

    def post(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Make the new plan and show it."""
        context = self.read(id)
        step = request.POST.get("step", "")
        # How far back is said by a step, or by none for everything.
        far = "from_step" if step else "whole"
        scope = scope_of(request.POST.get("scope", far), step)
        query = urlencode({"step": step})
        return self.perform(
            lambda: self.plan_again(
                context.plan, scope=scope, include=[], **{WAIVE: [], OVERRIDE: []}
            ),
            to=lambda made: f"{reverse('compensation:plan', args=[made.id])}?{query}",
            again=lambda: self.show(context),
        )


class PlanWords(PlanView):
    """What somebody says of one step makes another plan, of the same scope and for the same reason:
    that the step may stay, or is undone although its time is over."""

    def post(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Make the new plan and show it."""
        context = self.read(id)
        self.require_operator()
        form = word_form(context, request.POST)
        if form is None or not form.is_valid():
            with tenant_scope(self.acting_user.tenant_id):
                return self.show(context, status=422, word=form)
        kind, _colon, name = form.cleaned_data["word"].partition(":")
        said = [*getattr(context.plan, kind), {"step": name, "reason": form.cleaned_data["why"]}]
        return self.perform(
            lambda: self.plan_again(context.plan, **{kind: said}),
            to=lambda made: reverse("compensation:plan", args=[made.id]),
            form=form,
            again=lambda: self.show(context, word=form),
        )


def sayable(context: PlanContext) -> list[tuple[str, str]]:
    """Return what may be said of steps that a plan leaves behind: (value, words), once each."""
    found: dict[str, str] = {}
    for each in every_exclusion(context.plan.content):
        name = each["original"]["name"]
        what = {"what": title_of(name)}
        if each["code"] not in RESIDUAL_EXCLUSIONS or is_waived(each):
            continue
        if OVERRIDE in each["alternatives"]:
            found[f"{OVERRIDE}:{name}"] = _("%(what)s: undo it although its time is over") % what
        if context.is_whole:
            found[f"{WAIVE}:{name}"] = _("%(what)s: it may stay") % what
    return list(found.items())


def word_form(context: PlanContext, data: Mapping[str, Any] | None = None) -> WordForm | None:
    """Return the form that says one of these; None where there is nothing to say."""
    said = sayable(context)
    return WordForm(data, said=said) if said else None


def _again(context: PlanContext, **changed: str) -> str:
    """Return the page that asks for a new plan, filled in as this one was, but for `changed`."""
    return ask_url(context.plan.about, plan=str(context.plan.id), **changed)


def _after(context: PlanContext, run_id: uuid.UUID) -> str:
    """Return where to follow what was started."""
    if context.is_whole and context.subject.url:
        return context.subject.url
    return reverse("compensation:run", args=[run_id])
