"""One work item: its page, the pages that ask before acting, and opening a new one."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.acting import ActingUser
from ledger.errors import Conflict, Invalid, NotFound, Refusal, Stale
from ledger.tenancy import tenant_scope
from web.pages import MemberPage, add_refusal
from web.problems import status_of
from workitems import actions, selectors
from workitems.actions.compensating import Wish
from workitems.actions.door import Asked
from workitems.answers import AnswerForm
from workitems.forms import NewForm
from workitems.lifecycle import Status
from workitems.resolution import check_completion
from workitems.rows import WorkItem
from workitems.views import presenting
from workitems.views.operations import BY_ACTION, Operation

UNPROCESSABLE = 422


class ItemPage(MemberPage):
    """What the pages of one item share."""

    def show(
        self,
        item_id: uuid.UUID,
        *,
        form: AnswerForm | None = None,
        conflict: str = "",
        status: int = 200,
    ) -> HttpResponse:
        """Render the item's page; opens the tenant's scope where none is open."""
        with tenant_scope(self.acting_user.tenant_id):
            item = selectors.get(item_id)
            context = presenting.detail(item, self.authority, form=form, conflict=conflict)
            return self.render("workitems/detail.html", context, status=status)

    def url_of(self, item_id: uuid.UUID) -> str:
        """Return the address of the item's page."""
        return reverse("workitems:detail", args=[item_id])

    def said(self) -> Asked:
        """Return what every verb is asked with: the version that the form was made from."""
        return Asked(expected_version=self.posted_version())


def conflict_words(refusal: Refusal) -> str:
    """Return a refusal as the panel above the page says it."""
    if isinstance(refusal, Stale):
        return _(
            "Somebody changed this while you looked at it. You see it now as it is; what you typed"
            " is still here."
        )
    if isinstance(refusal, Conflict):
        return _("That is no longer possible: %(detail)s") % {"detail": refusal.detail}
    return refusal.detail


class Detail(ItemPage):
    """One work item: what it is about, how to answer it, its undo, its history."""

    def get(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Show it."""
        return self.show(id)


class Do(ItemPage):
    """An action that needs no input: a button."""

    operation: ClassVar[Operation]
    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Do it, and go back to the item."""
        operation = type(self).operation
        try:
            operation.verb(id, acting_user=self.acting_user, asked=self.said())
        except NotFound:
            raise
        except Refusal as refusal:
            return self.show(id, conflict=conflict_words(refusal), status=status_of(refusal))
        messages.success(self.request, str(operation.done))
        return self.go(self.url_of(id))


class Ask(ItemPage):
    """An action that needs input or a second thought: a page with a form."""

    operation: ClassVar[Operation]

    def get(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Ask."""
        return self._ask(id, self._form_class())

    def post(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Do it, or ask again with what was wrong."""
        operation = type(self).operation
        form = self._form_class(request.POST)
        with tenant_scope(self.acting_user.tenant_id):
            selectors.get(id)
            arguments, invalid = _arguments(operation, form)
        asked = Asked(expected_version=self.posted_version(), invalid=invalid)
        try:
            operation.verb(id, **arguments, acting_user=self.acting_user, asked=asked)
        except NotFound:
            raise
        except Refusal as refusal:
            return self._refused(id, form, refusal)
        messages.success(self.request, str(operation.done))
        return self.go(self.url_of(id))

    @property
    def _form_class(self) -> type[forms.Form]:
        form = type(self).operation.form
        if form is None:
            raise TypeError("a page that asks has a form")
        return form

    def _refused(self, item_id: uuid.UUID, form: forms.Form, refusal: Refusal) -> HttpResponse:
        if not isinstance(refusal, Invalid):
            form.add_error(None, conflict_words(refusal))
        elif not form.errors and not add_refusal(form, refusal):
            form.add_error(None, refusal.detail)
        return self._ask(item_id, form, status=status_of(refusal))

    def _ask(self, item_id: uuid.UUID, form: forms.Form, status: int = 200) -> HttpResponse:
        operation = type(self).operation
        with tenant_scope(self.acting_user.tenant_id):
            item = selectors.get(item_id)
            [shown] = selectors.show([item], self.authority)
            title = f"{operation.label}: {item.title}"
            context = {
                "crumbs": [*presenting.crumbs(item), {"label": operation.label, "url": ""}],
                "title": title,
                "intro": operation.intro,
                "tone": operation.tone,
                "warning": operation.warning,
                "form": form,
                "facts": _facts(shown),
                "url": self.request.path,
                "submit_label": operation.submit,
                "cancel_url": self.url_of(item_id),
                "version": item.version,
            }
            return self.render("workitems/action.html", context, status=status)


def _facts(shown: selectors.Shown) -> list[dict[str, Any]]:
    """Return what the action is about, in a few lines."""
    item = presenting.facts(shown)
    rows = [{"label": _("With"), "value": item["assignee"] or item["candidates"]}]
    if item["completed_at"]:
        rows = [
            {"label": _("Completed by"), "value": item["completed_by"]},
            {"label": _("Outcome"), "value": item["outcome_label"]},
        ]
    return [row for row in rows if row["value"]]


def _arguments(operation: Operation, form: forms.Form) -> tuple[dict[str, Any], Invalid | None]:
    """Return the verb's arguments, and what the verb is to raise about a broken form.

    The verb raises it after permission, version and state, which are said first.
    """
    if form.is_valid():
        try:
            return operation.given(form), None
        except Invalid as invalid:
            return _empty(operation), invalid
    return _empty(operation), Invalid(_("Please look at this again"))


def _empty(operation: Operation) -> dict[str, Any]:
    """Return arguments that the verb will not look at: it raises what was wrong with the form."""
    if operation.action == "compensate":
        return {"wish": Wish()}
    return dict.fromkeys(_MEMBERS.get(operation.action, ("reason",)))


_MEMBERS: dict[str, tuple[str, ...]] = {
    "assign": ("assignee",),
    "reassign": ("assignee", "candidate_groups"),
    "hand-to-human": ("assignee", "candidate_groups"),
    "attest": ("evidence",),
}


class Complete(ItemPage):
    """The answer of an item. Its form is on the item's own page."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Complete it, beginning it first where that is still to be done."""
        with tenant_scope(self.acting_user.tenant_id):
            item = selectors.get(id)
        form = AnswerForm(item, request.POST)
        invalid = _invalid(item, form)
        try:
            asked = self._started(item, invalid)
            actions.complete(
                id,
                outcome=None if invalid else form.outcome,
                resolution=None if invalid else form.resolution,
                acting_user=self.acting_user,
                asked=asked,
            )
        except NotFound:
            raise
        except Refusal as refusal:
            return self._refused(id, form, refusal)
        messages.success(request, _("Completed: %(title)s") % {"title": item.title})
        return self.go(self._next(id) if request.POST.get("then") == "next" else self.url_of(id))

    def _started(self, item: WorkItem, invalid: Invalid | None) -> Asked:
        """Begin an item that only waits for that; an answer that cannot stand begins nothing."""
        asked = Asked(expected_version=self.posted_version(), invalid=invalid)
        if item.status != Status.ASSIGNED or item.assignee_id != self.acting_user.actor_id:
            return asked
        if invalid is not None:
            raise invalid
        begun = actions.start(item.id, acting_user=self.acting_user, asked=asked)
        return Asked(expected_version=begun.version)

    def _refused(self, item_id: uuid.UUID, form: AnswerForm, refusal: Refusal) -> HttpResponse:
        status = status_of(refusal)
        if isinstance(refusal, Invalid):
            if not form.errors and not add_refusal(form, refusal):
                form.add_error(None, refusal.detail)
            return self.show(item_id, form=form, status=status)
        return self.show(item_id, form=form, conflict=conflict_words(refusal), status=status)

    def _next(self, item_id: uuid.UUID) -> str:
        """Return the page of what waits next for this person, else the inbox."""
        with tenant_scope(self.acting_user.tenant_id):
            row = selectors.waiting_for(self.acting_user).exclude(id=item_id).first()
        return reverse("workitems:inbox") if row is None else self.url_of(row.id)


def _invalid(item: WorkItem, form: AnswerForm) -> Invalid | None:
    """Return what is wrong with an answer, as the verb would say it."""
    if not form.is_valid():
        return Invalid(_("Please look at this again"))
    try:
        check_completion(
            form.outcome,
            form.resolution,
            permitted=item.permitted_outcomes,
            schema=item.resolution_schema,
        )
    except Invalid as invalid:
        return invalid
    return None


class New(MemberPage):
    """Open a task."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Ask what it is."""
        return self._show(NewForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Open it."""
        form = NewForm(request.POST)
        if not form.is_valid():
            return self._show(form, status=UNPROCESSABLE)
        return self.perform(
            _opening(form, self.acting_user),
            to=lambda item: reverse("workitems:detail", args=[item.id]),
            message=_("The task is open."),
            form=form,
            again=lambda: self._show(form),
        )

    def _show(self, form: NewForm, status: int = 200) -> HttpResponse:
        context = {
            "crumbs": [
                {"label": _("Inbox"), "url": reverse("workitems:inbox")},
                {"label": _("New task"), "url": ""},
            ],
            "form": form,
            "url": reverse("workitems:new"),
            "cancel_url": reverse("workitems:inbox"),
        }
        return self.render("workitems/new.html", context, status=status)


def _opening(form: NewForm, acting_user: ActingUser) -> Callable[[], WorkItem]:
    return lambda: actions.create_work_item(form.wanted(), acting_user=acting_user)


def view_of(action: str) -> type[ItemPage]:
    """Return the page class of one operation: one that asks, or one that does."""
    operation = BY_ACTION[action]
    base = Do if operation.form is None else Ask
    return type(f"{base.__name__}{action.title()}", (base,), {"operation": operation})
