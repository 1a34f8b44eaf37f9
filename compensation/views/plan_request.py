"""Asking for a plan: scope, strategy, reason. Nothing is undone here."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.selectors import Person, people
from compensation import selectors
from compensation.actions.previewing import PlanRequest
from compensation.errors import NotCompensable
from compensation.forms import PieceForm, WholeForm
from compensation.lifecycle import PLAN_OPERATION, CompensationState
from compensation.plan import every_part
from compensation.plan_context import choice_of, step_of
from compensation.planning import UNCONDITIONAL, Exclusion, Part, plan_original
from compensation.sentences import name_in, title_of
from compensation.subject import is_by_program, part_alone, undoable, whole_subject
from compensation.views.operator_pages import OperatorPage, crumb
from compensation.views.under_way import live_rollback, started
from compensation.views.words_kept import with_words_that_fit
from ledger.clock import now
from ledger.errors import NotFound
from ledger.tenancy import tenant_scope
from verbs import catalogue
from verbs.call import Call
from verbs.catalogue import Offer
from verbs.shell import Verb
from verbs.subject import Description, Ref, describe, subject_of
from verbs.words import denial, said_of, subject_words
from web.templatetags.amends import state_label

TEMPLATE = "compensation/rollback.html"
HINTS = {
    "whole": gettext_lazy("Everything this %(what)s has finished, last finished first."),
    "from_step": gettext_lazy("What was finished later may rest on it, so it goes first."),
    "only_this": gettext_lazy("Later work stays, even where it rests on it."),
}
# What is not declared to need no undo, or to have none.
_UNDOABLE = frozenset({"compensable", "unspecified"})


def preview_verb(type_: str) -> Verb[Any]:
    """Return the verb that makes a plan of one kind of thing."""
    return catalogue.find(type_, PLAN_OPERATION.name)


def address_name(type_: str) -> str:
    """Return the name of the page that asks for a plan about one kind of thing."""
    return f"rollback-{type_.replace('_', '-')}"


def ask_url(about: Ref, **filled_in: str) -> str:
    """Return the page that asks for a plan of something."""
    url = reverse(f"compensation:{address_name(about[0])}", args=[about[1]])
    return f"{url}?{urlencode(filled_in)}" if filled_in else url


def ask_button(about: Ref, offer: Offer) -> dict[str, Any]:
    """Return one of `actions` of components/actions.html: the way to that page."""
    said = said_of(about[0], offer.action)
    return {
        "action": offer.action,
        "label": said.label,
        "url": ask_url(about),
        "method": "get",
        "tone": said.tone,
        "allowed": offer.allowed,
        "reason": denial(offer.reason) if offer.reason else "",
    }


def way_to(about: Ref, described: Description, row: Any) -> list[dict[str, Any]]:
    """Return `crumbs` to what is undone: below its own list if it is a whole (`row`)."""
    whole = whole_subject(about[0])
    if whole is not None and whole.crumbs is not None:
        return whole.crumbs(row)
    return [
        crumb(_("Rollbacks"), reverse("compensation:runs")),
        crumb(described.title, described.url),
    ]


class AskForPlan(OperatorPage):
    """Shows the form; a good answer makes a plan and leads to its preview."""

    subject_type = ""
    fills_in = PlanRequest
    _read: Any = None

    def get(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Show the form, filled in from `?plan=` if that is given."""
        self.require_operator()
        return self._page(id, None)

    def post(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:
        """Make a plan and show it."""
        with tenant_scope(self.acting_user.tenant_id):
            form = self._form(self._work(id), request.POST)
            self.require_operator()
            if not form.is_valid():
                return self._page(id, form, status=422)
            before = self._before()
        return self.perform(
            lambda: self._made(id, form.wish, before),
            to=lambda plan: reverse("compensation:plan", args=[plan.id]),
            form=form,
            again=lambda: self._page(id, form),
        )

    def _made(self, id: uuid.UUID, wish: Mapping[str, Any], before: Any) -> Any:
        """Make the plan, with what was said of steps of the one before it, if that was of the same:
        the form does not ask for it."""

        def make(words: Mapping[str, Any]) -> Any:
            verb = preview_verb(self.subject_type)
            return verb(id, call=Call(self.acting_user), **wish, **words)

        if before is None or before.about != (self.subject_type, id):
            return make({})
        return with_words_that_fit(before, make)

    def _before(self) -> Any:
        """Return the plan named in the address, if there is one."""
        try:
            plan_id = uuid.UUID(self.request.GET.get("plan", ""))
            return selectors.plan(self.acting_user.tenant_id, plan_id)
        except (ValueError, NotFound):
            return None

    def _work(self, id: uuid.UUID) -> Any:
        """Return all parts of a whole, or the one piece of work. Raises NotFound."""
        row = self._row(id)
        whole = whole_subject(self.subject_type)
        return row if whole is None else whole.parts(row, lock=False)

    def _row(self, id: uuid.UUID) -> Any:
        """Return what it is about, read once. Raises NotFound."""
        if self._read is None:
            self._read = subject_of(self.subject_type).read_one(self.acting_user.tenant_id, id)
        return self._read

    def _form(
        self, work: Any, data: Mapping[str, Any] | None, initial: dict[str, Any] | None = None
    ) -> PieceForm:
        if whole_subject(self.subject_type) is None:
            return PieceForm(data, initial=initial, left_out=_left_out([part_alone(work)]))
        return WholeForm(
            data,
            initial=initial,
            steps=[(part.original.name, title_of(part.original.name)) for part in _done(work)],
            left_out=_left_out(work),
        )

    def _page(self, id: uuid.UUID, form: PieceForm | None, *, status: int = 200) -> HttpResponse:
        about, tenant_id = (self.subject_type, id), self.acting_user.tenant_id
        work, row, described = self._work(id), self._row(id), describe(tenant_id, [about])[about]
        whole = whole_subject(self.subject_type)
        what = subject_words(self.subject_type)
        live = live_rollback(tenant_id, about, row)
        starter = [] if live is None else [live.requested_by_id]
        named = people(tenant_id, [*_finishers(row, work), *starter])
        context = {
            "crumbs": [*way_to(about, described, row), crumb(_("Roll back"))],
            "subject": {"label": described.title, "url": described.url},
            "form": form or self._form(work, None, self._initial()),
            "hints": {name: str(text) % {"what": what} for name, text in HINTS.items()},
            # With the plan before it: what was said of its steps is kept.
            "url": self.request.get_full_path(),
            "cancel_url": described.url or reverse("compensation:runs"),
            "finished": _finished_parts(work, named)
            if whole
            else _finished_piece(work, described.title, named),
            "under_way": None if live is None else started(live, named),
            "nothing": _why_nothing(row, work),
            "is_whole": whole is not None,
        }
        return self.render(TEMPLATE, context, status=status)

    def _initial(self) -> dict[str, Any]:
        """Return the answers of the plan named in the address, with what the address changes."""
        asked, plan = self.request.GET, self._before()
        if plan is None:
            step = asked.get("step", "")
            return {"step": step, "scope": "from_step" if step else "whole"}
        basis = plan.regulatory_basis[0] if plan.regulatory_basis else {}
        return {
            "scope": asked.get("scope") or choice_of(plan) or "whole",
            "step": step_of(plan),
            "strategy": asked.get("strategy", plan.strategy),
            "include": [*plan.include, *asked.getlist("include")],
            "resume_after": plan.resume_after,
            "reason": plan.reason,
            "basis_code": basis.get("code", ""),
            "basis_note": basis.get("note", ""),
        }


def _why_nothing(row: Any, work: Any) -> str:
    """Return why nothing of it can be undone at all, if so: then nothing is asked."""
    whole = whole_subject(row.subject_type)
    if whole is not None:
        barred = whole.barred(row)
        if barred is not None:
            return barred.detail
        idle = not _done(work) and not whole.open_work(row)
        return _("Nothing has been finished, so there is nothing to undo.") if idle else ""
    if getattr(row, "undoes_id", None) is not None:
        return NotCompensable().detail
    planned = plan_original(part_alone(row), strategy=None, now=now())
    if planned is None:
        return _("It needs no undo.")
    if isinstance(planned, Exclusion) and planned.code in UNCONDITIONAL:
        return planned.detail
    return ""


def _done(parts: Sequence[Part]) -> list[Part]:
    """Return what could be undone, last finished first."""
    done = [
        part
        for part in parts
        if part.row.completion_seq is not None
        and part.row.compensation_state != CompensationState.COMPENSATED
    ]
    return sorted(done, key=lambda part: part.seq, reverse=True)


def _left_out(parts: Sequence[Part]) -> list[tuple[str, str]]:
    """Return the names of work that a plan leaves out unless it is asked for, and why: finished
    work that nobody declared an undo for, and what may be undone as if it had happened."""
    said = {part.original.name: _why_left_out(part) for part in every_part(parts)}
    return [(name, f"{title_of(name)}: {why}") for name, why in said.items() if why]


def _why_left_out(part: Part) -> str:
    if part.unsure:
        if not part.safe_on_nothing:
            return ""
        return _("nobody knows whether it happened; undo it as if it had")
    if part.is_whole:
        return ""
    undeclared = part.policy is None and part.row.status == part.settled
    if undeclared and part.reversibility in _UNDOABLE:
        return _("nobody declared how to undo it; give it to a person")
    return ""


def _finishers(row: Any, work: Any) -> list[uuid.UUID | None]:
    """Return who finished the parts of a whole, or the one piece of work."""
    if whole_subject(row.subject_type) is not None:
        return [part.completed_by for part in _done(work)]
    return [undoable(row.subject_type).finished_by(row)]


def _finished_parts(
    parts: Sequence[Part], named: Mapping[uuid.UUID, Person]
) -> list[dict[str, Any]]:
    """Return `finished` of `compensation/rollback.html`, last finished first."""
    done = _done(parts)
    return [
        {
            "title": title_of(part.original.name),
            "who": _who(part, named),
            "at": part.completed_at,
            "how": _how(part),
            "is_done": True,
        }
        for part in done
    ]


def _who(part: Part, named: Mapping[uuid.UUID, Person]) -> str:
    if part.is_whole:
        return _("A case of its own")
    if is_by_program(part.original.type):
        return _("Automatic")
    return name_in(named, part.completed_by)


def _how(part: Part) -> str:
    if part.stands is not None:
        return _(part.stands.detail)
    if part.below is not None:
        return _("undone by its own rollback")
    if part.policy is None:
        return _("no way to undo declared")
    mode = part.policy.effective().mode or "human"
    return _("undone %(how)s") % {"how": state_label(mode, "mode").lower()}


def _finished_piece(
    row: Any, title: str, named: Mapping[uuid.UUID, Person]
) -> list[dict[str, Any]]:
    """Return the same of one piece of work, or nothing if it is not finished."""
    subject = undoable(row.subject_type)
    at, actor = subject.finished_at(row), subject.finished_by(row)
    if at is None:
        return []
    who = name_in(named, actor)
    how = state_label(row.status, row.subject_type)
    is_done = row.status == subject.settled
    return [{"title": title, "who": who, "at": at, "how": how, "is_done": is_done}]
