"""One work item: its page, answering it there, and opening a new one."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.acting import Authority
from ledger.errors import Invalid, NotFound, Refusal, Stale
from ledger.tenancy import tenant_scope
from verbs.call import Call
from web.pages import MemberPage, add_refusal
from web.problems import status_of
from web.schema_fields import ADD_ROW
from web.stale_pages import changed_since
from web.verb_pages import Refused, conflict_words
from web.way_back import carried, way_back
from workitems import actions, selectors
from workitems import item_context as presenting
from workitems.actions.item_contents import fault_of_new
from workitems.actions.spawning import spawn
from workitems.answer_form import AnswerForm
from workitems.around.around_context import ALL, forms_of
from workitems.around.around_reading import item_with_around
from workitems.around.progress_form import ProgressForm
from workitems.forms import NewForm
from workitems.instances_context import instances
from workitems.lifecycle import OPEN, Status
from workitems.outcome_conditions import check_answered, question_of
from workitems.permissions import as_assignee
from workitems.resolution import check_completion, explained_outcomes
from workitems.subject import WORK_ITEM
from workitems.waiting import next_for

KIND = WORK_ITEM.subject_type

UNPROCESSABLE = 422


def show(
    page: MemberPage,
    item_id: uuid.UUID,
    *,
    form: AnswerForm | None = None,
    conflict: str = "",
    refused: Refused | None = None,
    told: ProgressForm | None = None,
    status: int = 200,
    again: bool = False,
) -> HttpResponse:
    """Render an item's page; opens the tenant's scope where none is open. `again`: the answer is
    asked for anew, and what was typed is there to be read; `told`: how far it is, to be corrected.
    """
    everything = page.request.GET.get(ALL) == "all"
    with page.scope():
        item, near = item_with_around(page.acting_user, item_id, everything=everything)
        context = presenting.detail(
            item, near, page.authority, form=form, conflict=conflict, refused=refused, told=told,
            again=again,
        )  # fmt: skip
        context["instances"] = instances(item, page.acting_user.actor_id)
        context["part_url"] = _part_url(item, page.authority)
        _lead_back(page.request, context)
        return page.render("workitems/detail.html", context, status=status)


def _part_url(item: Any, authority: Authority) -> str:
    """Return where whoever reads the page opens a part of an item; empty where they may not."""
    if item.status not in OPEN or spawn.denied(item, authority, None):
        return ""
    return reverse("workitems:spawn", args=[item.id])


def _lead_back(request: HttpRequest, context: dict[str, Any]) -> None:
    """Let the page, and what is done on it, lead back to the list it was opened from."""
    inbox = context["crumbs"][0]
    inbox["url"] = way_back(request) or inbox["url"]
    answer = context["answer"]
    if answer is not None:
        answer["draft_url"] = carried(request, answer["draft_url"])
    forms = (answer, context["progress"], *context["actions"], *forms_of(context["around"]))
    for form in forms:
        if form is not None:
            form["url"] = carried(request, form["url"])


class Detail(MemberPage):
    """One work item: what it is about, how to answer it, its undo, its history."""

    def get(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Show it."""
        return show(self, id)


def show_refused(page: MemberPage, refused: Refused) -> HttpResponse:
    """Show the page of an item with what one of its buttons ran into."""
    return show(
        page, refused.key[0], conflict=refused.sentence, refused=refused, status=refused.status
    )


class Complete(MemberPage):
    """The answer of an item. Its form is on the item's own page."""

    fills_in = actions.complete.input

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Complete it, beginning it first where that is still to be done."""
        with tenant_scope(self.acting_user.tenant_id):
            item = selectors.get(self.acting_user.tenant_id, id)
        if ADD_ROW in request.POST:
            return self._with_one_row_more(item)
        form = AnswerForm(item, request.POST)
        invalid = _invalid(item, form)
        try:
            call = self._started(item, invalid)
            answer = {} if invalid else form.answer
            actions.complete(id, call=call, **answer)
        except NotFound:
            raise
        except Refusal as refusal:
            return self._refused(id, form, refusal)
        messages.success(request, _("Completed: %(title)s") % {"title": item.title})
        there = self._next(id) if request.POST.get("then") == "next" else _url(id)
        return self.go(carried(request, there))

    def _with_one_row_more(self, item: Any) -> HttpResponse:
        """Show the form again as it was sent, with room for more; nothing is judged or done."""
        with tenant_scope(self.acting_user.tenant_id):
            answers = presenting.answers(item, self.authority)
        if not answers:
            return self.go(_url(item.id))
        return show(self, item.id, form=AnswerForm(item, rows=self.request.POST.dict()))

    def _started(self, item: Any, invalid: Invalid | None) -> Call:
        """Begin an item that only waits for that; an answer that cannot stand begins nothing."""
        version = self.posted_version()
        versions = None if version is None else {version}
        call = Call(self.acting_user, versions=versions, broken=invalid)
        with tenant_scope(self.acting_user.tenant_id):
            has_it = as_assignee(item, self.authority) is not None
        if item.status != Status.ASSIGNED or not has_it:
            return call
        if invalid is not None:
            raise invalid
        begun = actions.start(item.id, call=call)
        return Call(self.acting_user, versions={begun.version})

    def _refused(self, item_id: uuid.UUID, form: AnswerForm, refusal: Refusal) -> HttpResponse:
        status = status_of(refusal)
        if isinstance(refusal, Invalid):
            if not form.errors:
                form.refuse(refusal)
            if not form.errors:
                form.add_error(None, refusal.detail)
            return show(self, item_id, form=form, status=status)
        if not isinstance(refusal, Stale):
            return show(
                self, item_id, form=form, conflict=conflict_words(refusal, KIND), status=status
            )
        version = self.posted_version()
        told = changed_since(self.acting_user, item_id, None if version is None else {version})
        return show(self, item_id, form=form, conflict=told.sentence, status=status, again=told.own)

    def _next(self, item_id: uuid.UUID) -> str:
        """Return the page of what waits next for this person, else the inbox."""
        with tenant_scope(self.acting_user.tenant_id):
            row = next_for(self.acting_user, item_id)
        if row is None:
            return way_back(self.request) or reverse("workitems:inbox")
        return _url(row.id)


def _url(item_id: uuid.UUID) -> str:
    return reverse("workitems:detail", args=[item_id])


def _invalid(item: Any, form: AnswerForm) -> Invalid | None:
    """Return what is wrong with an answer, as the verb would say it."""
    form.is_valid()
    outcome, resolution = form.answer["outcome"], form.answer["resolution"]
    try:
        with tenant_scope(item.tenant_id):
            question = question_of(item, outcome, resolution)
            check_completion(
                **form.answer,
                tenant_id=item.tenant_id,
                permitted=item.permitted_outcomes,
                explained=explained_outcomes(item.kind),
                schema=item.resolution_schema,
            )
        if question is not None:
            # Nothing is locked or open while jq runs.
            check_answered(item, outcome, question)
    except Invalid as invalid:
        form.refuse(invalid)
        return Invalid(invalid.detail) if form.errors else invalid
    return Invalid(_("Please look at this again")) if form.errors else None


class New(MemberPage):
    """Open a task."""

    fills_in = actions.create_work_item.input

    def get(self, request: HttpRequest) -> HttpResponse:
        """Ask what it is."""
        return self._show(NewForm())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Open it."""
        form = NewForm(request.POST)
        if not form.is_valid():
            self._say_the_rest(form)
            return self._show(form, status=UNPROCESSABLE)
        return self.perform(
            lambda: actions.create_work_item(call=Call(self.acting_user), **form.body()),
            to=lambda item: _url(item.id),
            message=_("The task is open."),
            form=form,
            again=lambda: self._show(form),
        )

    def _say_the_rest(self, form: NewForm) -> None:
        """Say of a broken form also what the verb would have against the rest of it."""
        with tenant_scope(self.acting_user.tenant_id):
            refusal = fault_of_new(form.body(), self.acting_user)
        unsaid = [each for each in refusal.errors if each.pointer.strip("/") not in form.errors]
        add_refusal(form, Invalid(errors=unsaid))

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
