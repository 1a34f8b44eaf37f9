"""Templates in the admin: looked at; tasks are made of them through the catalogue."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods
from typing_extensions import override

from accounts.acting import authority_of
from ledger.errors import NotFound, Refusal
from ledger.tenancy import tenant_scope
from verbs.call import Call
from web import admin_parts, kept_forms
from web.admin import TenantModelAdmin, opens_own_transaction
from web.membership import place_of
from web.pages import add_refusal
from web.problems import status_of
from workitems import selectors
from workitems.actions import instantiate
from workitems.models import WorkItemTemplate
from workitems.template_form import MakeForm

TEMPLATE = "admin/amends/make_task.html"
UNPROCESSABLE = 422


@admin.register(WorkItemTemplate)
class WorkItemTemplateAdmin(TenantModelAdmin):
    """Versions of templates. A version never changes."""

    list_display = ("name", "version", "title", "created_at", "ended_at")
    list_filter = ()
    search_fields = ("name",)
    ordering = ("-created_at", "-id")
    readonly_fields = ("title", "content_text", "made_by")
    fields = ("id", "name", "version", "title", "content_text", "made_by", "created_at", "ended_at")
    actions = ("make_task",)

    @override
    def get_queryset(self, request: HttpRequest) -> QuerySet[WorkItemTemplate]:
        """Return the tenant's templates with who added them, in one query."""
        return super().get_queryset(request).select_related("created_by__user")

    @override
    def get_urls(self) -> list[Any]:
        """Add the page that asks what a task is to say."""
        view = self.admin_site.admin_view(opens_own_transaction(_make))
        own = path("<uuid:template_id>/make-task/", view, name="workitems_template_make_task")
        return [own, *super().get_urls()]

    def has_make_permission(self, request: HttpRequest) -> bool:
        """Whether whoever looks may make tasks, by the rule of the verb."""
        place = place_of(request)
        return place is not None and not instantiate.denied(None, authority_of(place.acting), None)

    @admin.action(description=gettext_lazy("Make a task…"), permissions=["make"])
    def make_task(
        self, request: HttpRequest, queryset: QuerySet[WorkItemTemplate]
    ) -> HttpResponse | None:
        """Lead to the page that asks what the task is to say."""
        rows = list(queryset[:2])
        if len(rows) != 1 or rows[0].ended_at is not None:
            messages.error(request, _("Choose one version that was not ended."))
            return None
        url = reverse("admin:workitems_template_make_task", args=[rows[0].id])
        return HttpResponseRedirect(url)

    @admin.display(description=gettext_lazy("title of its tasks"))
    def title(self, row: WorkItemTemplate) -> str:
        """Return the title of its tasks."""
        return str(row.content["title"])

    @admin.display(description=gettext_lazy("what its tasks say"))
    def content_text(self, row: WorkItemTemplate) -> SafeString:
        """Return what its tasks say, in words."""
        return admin_parts.json_words(row.tenant_id, row.content, None)

    @admin.display(description=gettext_lazy("added by"))
    def made_by(self, row: WorkItemTemplate) -> SafeString:
        """Return who added it."""
        return admin_parts.person_name(row.created_by)


@kept_forms.keeping
@require_http_methods(["GET", "HEAD", "POST"])
def _make(request: HttpRequest, template_id: uuid.UUID) -> HttpResponse:
    """Ask what a task is to say that is made of a template, and make it."""
    place = place_of(request)
    if place is None:
        raise PermissionDenied
    with tenant_scope(place.acting.tenant_id):
        if instantiate.denied(None, authority_of(place.acting), None):
            raise PermissionDenied
        try:
            row = selectors.template(place.acting.tenant_id, template_id)
        except NotFound:
            raise Http404 from None
    if request.method != "POST":
        return _show(request, row, MakeForm(row))
    kept_forms.drop(request, request.path_info)
    form = MakeForm(row, request.POST)
    if not form.is_valid():
        return _show(request, row, form, UNPROCESSABLE)
    try:
        item = instantiate(template_id, call=Call(place.acting), **form.body)
    except Refusal as refusal:
        if not add_refusal(form, refusal):
            form.add_error(None, refusal.detail)
        return _show(request, row, form, status_of(refusal))
    link = reverse("workitems:detail", args=[item.id])
    said = format_html('{} <a href="{}">{}</a>', _("The task is open:"), link, item.title)
    messages.success(request, said)
    return HttpResponseRedirect(_list_url())


def _show(
    request: HttpRequest, row: WorkItemTemplate, form: MakeForm, status: int = 200
) -> HttpResponse:
    opts = WorkItemTemplate._meta
    context = {
        **admin.site.each_context(request),
        "opts": opts,
        "title": _("Make a task: %(template)s") % {"template": row},
        "form": form,
        "cancel_url": _list_url(),
    }
    if kept_forms.put_back(request, context):
        messages.info(request, _("What you wrote is here again. It was not sent yet."))
    with tenant_scope(row.tenant_id):
        return TemplateResponse(request, TEMPLATE, context, status=status).render()


def _list_url() -> str:
    return reverse("admin:workitems_workitemtemplate_changelist")
