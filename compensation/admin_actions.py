"""The page between "Compensate…" or "Roll back case…" in the admin and its effect.

It is built on the plan service, as the preview page is: the first look stores nothing; sending it
makes a plan with the reason given and runs it if it is, by digest, what was looked at.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Sequence
from typing import Any, cast
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import quote
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.acting import ActingUser
from accounts.selectors import Place
from compensation import plan_context, plan_steps
from compensation.actions import previewing
from compensation.actions.plan_execution import execute
from compensation.errors import NotCompensable, PlanStale, RunLive
from compensation.facts import live_run
from compensation.forms import WhyForm
from compensation.lifecycle import PLAN_OPERATION, RunStatus
from compensation.plan_context import PlanContext
from compensation.plan_scope import Scope
from compensation.sentences import exclusion_words, undo_words
from compensation.subject import whole_subject
from ledger.errors import NotFound, Refusal
from ledger.tenancy import tenant_scope
from verbs import catalogue
from verbs.call import Call
from verbs.subject import Ref
from web import kept_forms
from web.admin import TenantModelAdmin, opens_own_transaction
from web.membership import place_of
from web.one_by_one import one_by_one

AT_ONCE = 25
TEMPLATE = "admin/amends/confirm_compensation.html"


@dataclasses.dataclass(frozen=True, slots=True)
class Draft:
    """A subject with what would be undone, or with why nothing of it can be (`refused`)."""

    subject: Ref
    title: str
    context: PlanContext | None
    refused: str = ""

    @property
    def digest(self) -> str:
        """The digest of the plan, or ""."""
        return "" if self.context is None else str(self.context.plan.digest)


def draft(subject: Ref, *, acting_user: ActingUser) -> Draft:
    """Return what undoing a whole subject would be, in the tenant's scope. Raises NotFound."""
    about = previewing.about(acting_user.tenant_id, *subject)
    title = str(about.row if about.row is not None else about.whole)
    try:
        if about.row is not None and getattr(about.row, "undoes_id", None) is not None:
            raise NotCompensable
        barred = about.barred()
        if barred is not None:
            raise barred
        run = live_run(acting_user.tenant_id, about.root, subject)
        if run is not None:
            raise RunLive(run.id)
        plan = previewing.draft(
            about, Scope(), by=acting_user.actor_id, tenant_id=acting_user.tenant_id
        )
        context = plan_context.plan_context(plan)
    except NotFound:
        raise
    except Refusal as refusal:
        return Draft(subject, title, None, refusal.detail)
    nothing = not context.plan.content["steps"] and not context.open_work
    return Draft(subject, title, context, _why_nothing(context) if nothing else "")


def _why_nothing(context: PlanContext) -> str:
    """Return why there is no step, in the words of the exclusions."""
    details = dict.fromkeys(exclusion_words(each) for each in context.plan.content["excluded"])
    return " ".join(details) or _("There is nothing to undo.")


class Confirmation:
    """The intermediate page for one kind of thing, whose rows are of `model`."""

    def __init__(self, kind: str, model: type[Model], url_name: str) -> None:
        self.kind, self.model, self.url_name = kind, model, url_name

    def owner(self) -> TenantModelAdmin:
        """Return the admin of its list, once that is registered."""
        return cast("TenantModelAdmin", admin.site.get_model_admin(self.model))

    def view(self) -> Callable[[HttpRequest], HttpResponse]:
        """Return the view, wrapped as every admin view is."""

        @kept_forms.keeping
        @require_http_methods(["GET", "HEAD", "POST"])
        def confirm(request: HttpRequest) -> HttpResponse:
            return self._confirm(request)

        return self.owner().admin_site.admin_view(opens_own_transaction(confirm))

    def _confirm(self, request: HttpRequest) -> HttpResponse:
        place = place_of(request)
        if place is None or not self.owner().has_operate_permission(request):
            raise PermissionDenied
        ids = _ids(request)
        drafts = self._drafts(ids, place)
        if not drafts:
            messages.warning(request, _("What you chose is not there any more."))
            return HttpResponseRedirect(self._list_url(request))
        if request.method != "POST":
            return self._show(request, place, drafts, WhyForm())
        kept_forms.drop(request, request.path_info)
        form = WhyForm(request.POST)
        problem = plan_context.typed_wrong(_confirm_text(drafts), request.POST)
        if not form.is_valid() or problem:
            return self._show(request, place, drafts, form, confirm_error=problem, status=422)
        return self._run(request, place, drafts, form)

    def _run(
        self, request: HttpRequest, place: Place, drafts: Sequence[Draft], form: WhyForm
    ) -> HttpResponse:
        for each in drafts:
            if each.refused:
                text = _("%(what)s: nothing was undone. %(why)s")
                messages.warning(request, text % {"what": each.title, "why": each.refused})
        good = {each.subject[1]: each for each in drafts if not each.refused}
        results = one_by_one([*good], lambda id_: _execute(request, place, good[id_], form))
        left: list[uuid.UUID] = []
        for id_, refusal in results.refused.items():
            title = good[id_].title
            if isinstance(refusal, PlanStale):
                left.append(id_)
                text = _("%(what)s changed since you looked, so nothing of it was undone.")
                messages.error(request, text % {"what": title})
            else:
                messages.error(request, f"{title}: {refusal.detail}")
        for id_ in results.left:
            text = _("%(what)s: a part of this system did not answer. Nothing of it was undone.")
            messages.error(request, text % {"what": good[id_].title})
        if left:
            return self._show(request, place, self._drafts(left, place), form, status=412)
        return HttpResponseRedirect(self._list_url(request))

    def _drafts(self, ids: Sequence[uuid.UUID], place: Place) -> list[Draft]:
        """Return what undoing each would be; what is not in this tenant is left out."""
        found = []
        with tenant_scope(place.acting.tenant_id):
            for id_ in ids:
                try:
                    found.append(draft((self.kind, id_), acting_user=place.acting))
                except NotFound:
                    continue
        return found

    def _show(
        self,
        request: HttpRequest,
        place: Place,
        drafts: Sequence[Draft],
        form: WhyForm,
        *,
        confirm_error: str = "",
        status: int = 200,
    ) -> HttpResponse:
        owner, good = self.owner(), [each for each in drafts if not each.refused]
        context = {
            **owner.admin_site.each_context(request),
            "opts": owner.opts,
            "title": _("What will be undone"),
            "intro": _("This is what would be undone, in this order. Nothing has happened yet."),
            "plans": [self._plan(each) for each in drafts],
            "effect": " ".join(each.context.effect for each in good if each.context),
            "form": form,
            "url": request.path,
            "confirm_text": _confirm_text(drafts),
            "confirm_error": confirm_error,
            "hidden": [
                {"name": f"digest-{each.subject[1]}", "value": each.digest} for each in good
            ],
            "action": self.url_name,
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
            "selected": [each.subject[1] for each in drafts],
            "can_execute": bool(good),
            "submit_label": _("Roll back") if whole_subject(self.kind) else _("Undo it"),
            "cancel_url": self._list_url(request),
        }
        if kept_forms.put_back(request, context):
            messages.info(request, _("What you wrote is here again. It was not sent yet."))
        with tenant_scope(place.acting.tenant_id):
            return TemplateResponse(request, TEMPLATE, context, status=status).render()

    def _plan(self, each: Draft) -> dict[str, Any]:
        opts = self.owner().opts
        name = f"admin:{opts.app_label}_{opts.model_name}_change"
        context = each.context
        return {
            "label": each.title,
            "url": reverse(name, args=[quote(each.subject[1])]),
            "allowed": not each.refused,
            "reason": each.refused,
            "requires_approval": bool(context and context.plan.requires_approval),
            "digest": each.digest,
            "steps": plan_steps.steps(context) if context else [],
            "excluded": plan_context.excluded(context, lambda *_: "") if context else [],
            "cancelled": context.open_work if context else [],
        }

    def _list_url(self, request: HttpRequest) -> str:
        opts = self.owner().opts
        url = reverse(f"admin:{opts.app_label}_{opts.model_name}_changelist")
        back = request.GET.get("back", "")
        return f"{url}?{back}" if back else url


def _execute(request: HttpRequest, place: Place, each: Draft, form: WhyForm) -> None:
    """Make a plan with the reason given and run it, if it is what was looked at."""
    type_, id_ = each.subject
    plan = catalogue.find(type_, PLAN_OPERATION.name)(
        id_, call=Call(place.acting), reason=form.cleaned_data["reason"],
        regulatory_basis=form.basis,
    )  # fmt: skip
    seen = request.POST.get(f"digest-{id_}", "")
    run = execute(plan.id, call=Call(place.acting, digest=seen))
    text = format_html(
        '{} <a href="{}">{}</a>',
        _("The rollback waits for approval:")
        if run.status == RunStatus.PENDING_APPROVAL
        else _("The rollback has begun:"),
        reverse("compensation:run", args=[run.id]),
        each.title,
    )
    messages.success(request, text)


def _ids(request: HttpRequest) -> list[uuid.UUID]:
    """Return what was chosen, from the form or the address; what is no id is left out."""
    given = request.POST.getlist(ACTION_CHECKBOX_NAME) or request.GET.get("ids", "").split(",")
    found = []
    for text in given[:AT_ONCE]:
        try:
            found.append(uuid.UUID(text))
        except ValueError:
            continue
    return list(dict.fromkeys(found))


def _confirm_text(drafts: Sequence[Draft]) -> str:
    """Return what has to be typed: the number of the one subject, or how much is undone in all."""
    good = [each.context for each in drafts if each.context is not None and not each.refused]
    if len(good) == 1:
        return good[0].confirm_text
    total = sum(len(each.plan.content["steps"]) for each in good)
    grave = any(each.confirm_text for each in good) or total > plan_context.CONFIRM_ABOVE
    return undo_words(total) if grave else ""


def offered(confirmation: Confirmation, label: Any) -> Any:
    """Return the admin action that leads to a confirmation; only operators see it."""

    @admin.action(description=label, permissions=["operate"])
    def compensate(
        _owner: TenantModelAdmin, request: HttpRequest, queryset: QuerySet[Any]
    ) -> HttpResponse | None:
        """Lead from the list, whose filters are kept, to the page."""
        ids = list(queryset.order_by("pk").values_list("pk", flat=True)[: AT_ONCE + 1])
        if len(ids) > AT_ONCE:
            text = _("Choose at most %(n)d at once: each is looked at before it is undone.")
            messages.error(request, text % {"n": AT_ONCE})
            return None
        query = {"ids": ",".join(str(id_) for id_ in ids), "back": request.GET.urlencode()}
        url = reverse(f"admin:{confirmation.url_name}")
        return HttpResponseRedirect(f"{url}?{urlencode(query)}")

    return compensate
