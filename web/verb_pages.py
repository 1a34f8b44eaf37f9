"""The pages of verbs, made from their declarations: buttons, and pages that ask before acting.

What a page of one thing looks like is its app's business; these are the ways to act from it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar, cast

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from typing_extensions import override

from ledger.errors import Conflict, Invalid, NotFound, Refusal, Stale
from verbs import catalogue, words
from verbs.call import Call
from verbs.catalogue import Offer
from verbs.input import Nothing
from verbs.shell import Verb
from verbs.subject import Description, Subject, describe
from verbs.words import VerbWords, state_words
from web.error_pages import refusal_page
from web.kept_text import kept_texts
from web.pages import MemberPage, add_refusal
from web.problems import status_of
from web.stale_pages import Changed, changed_since
from web.verb_forms import VerbForm, form_of
from web.way_back import carried

TEMPLATE = "verbs/action.html"


@dataclasses.dataclass(frozen=True, slots=True)
class Refused:
    """What a button ran into: the thing it was for, the sentence and the status of the answer.

    `form` is the broken one of `verb` where forms stand on the page of the thing. `own`: its reader
    has changed the thing themselves, elsewhere; what was typed is then handed back to be read.
    """

    key: Sequence[Any]
    sentence: str
    status: int
    verb: Verb[Any] | None = None
    form: VerbForm | None = None
    own: bool = False

    def kept(self, *, offered: bool) -> list[dict[str, str]]:
        """Return what was typed, where its form is not `offered` on the page any more."""
        return kept_texts(self.form) if self.own or not offered else []


# Shows the page of one thing with what was refused above it.
ShowRefused = Callable[[MemberPage, Refused], HttpResponse]


def conflict_words(refusal: Refusal, subject_type: str) -> str:
    """Return a refusal as the panel above a page says it; of a stale page see `changed_since`."""
    if isinstance(refusal, Conflict):
        why = {"detail": why_refused(refusal, subject_type)}
        return _("That is no longer possible: %(detail)s") % why
    return refusal.detail


def why_refused(refusal: Refusal, subject_type: str) -> str:
    """Return why something was refused in people's words: where a status rules it out, which one it
    is now, as pages call it. The refusal's own words are those of the API."""
    status = refusal.extra.get("current_status")
    if refusal.code == "illegal_state" and isinstance(status, str):
        return _("It is now “%(status)s”.") % {"status": state_words(subject_type, status).label}
    return refusal.errors[0].message if refusal.errors else refusal.detail


def asks(verb: Verb[Any]) -> bool:
    """Whether a page asks before the verb is done: for its input, or for a second thought."""
    return verb.dangerous or (verb.input is not Nothing and not said_of(verb).at_once)


class VerbPage(MemberPage):
    """What the pages of a verb share."""

    verb: ClassVar[Verb[Any]]
    show_refused: ClassVar[ShowRefused | None] = None

    def brought(self, *, broken: Invalid | None = None) -> Call:
        """Return what the verb is called with: the version, or digest, that the form is made of."""
        if type(self).verb.requires_digest:
            return Call(self.acting_user, digest=self.request.POST.get("version"), broken=broken)
        version = self.posted_version()
        versions = None if version is None else {version}
        return Call(self.acting_user, versions=versions, broken=broken)

    def described(self, key: Sequence[Any]) -> Description:
        """Return the title and the page of the thing; opens the tenant's scope if none is open."""
        place = (type(self).verb.subject_type, key[0])
        with self.scope():
            return describe(self.acting_user.tenant_id, [place])[place]

    def told(self, key: Sequence[Any], refusal: Refusal) -> Changed:
        """Return what the page says of a refusal: of a stale one who changed it, and when."""
        verb = type(self).verb
        if not isinstance(refusal, Stale) or verb.requires_digest:
            return Changed(conflict_words(refusal, verb.subject_type))
        return changed_since(self.acting_user, key[0], self.brought().versions)

    def done(self, key: Sequence[Any], result: Any) -> HttpResponse:
        """Say that it worked, on the page of the thing."""
        verb = type(self).verb
        own = verb.subject.results.get(verb.name)
        said = (own.said(result) if own is not None and own.said else None) or said_of(verb).done
        if said:
            messages.success(self.request, str(said))
        return self.go(carried(self.request, self.described(key).url or "/"))


class Do(VerbPage):
    """A verb that needs no input and no second thought: a button."""

    http_method_names = ["post", "options"]

    def post(self, request: HttpRequest, **key: Any) -> HttpResponse:  # noqa: ARG002  -- Django's
        """Do it, and go back to the thing."""
        keys = tuple(key.values())
        try:
            result = type(self).verb.perform(keys, self.brought(), {})
        except NotFound:
            raise
        except Refusal as refusal:
            return self._refused(keys, refusal)
        return self.done(keys, result)

    def _refused(self, key: Sequence[Any], refusal: Refusal) -> HttpResponse:
        show = type(self).show_refused
        if show is not None:
            told = self.told(key, refusal)
            return show(self, Refused(key, told.sentence, status_of(refusal)))
        kind = type(self).verb.subject_type
        return refusal_page(
            self.request, refusal, back_url=self.described(key).url or "/", kind=kind
        )


class Ask(VerbPage):
    """A verb that needs input or a second thought: a page with a form."""

    def get(self, request: HttpRequest, **key: Any) -> HttpResponse:  # noqa: ARG002  -- Django's
        """Ask."""
        return self._ask(tuple(key.values()), self._form())

    def post(self, request: HttpRequest, **key: Any) -> HttpResponse:
        """Do it, or ask again with what was wrong.

        The verb raises what is wrong with the form after permission, version and state, which are
        said first.
        """
        keys = tuple(key.values())
        form = self._form(request.POST)
        is_valid = form.is_valid()
        broken = None if is_valid else Invalid(_("Please look at this again"))
        body = form.body() if is_valid else {}
        try:
            result = type(self).verb.perform(keys, self.brought(broken=broken), body)
        except NotFound:
            raise
        except Refusal as refusal:
            return self._refused(keys, form, refusal)
        return self.done(keys, result)

    def _form(self, said: QueryDict | None = None) -> VerbForm:
        return form_of(type(self).verb)(said)

    def _refused(self, key: Sequence[Any], form: VerbForm, refusal: Refusal) -> HttpResponse:
        told = self.told(key, refusal)
        if told.own:
            return self._ask(key, form, status=status_of(refusal), own=told.sentence)
        if not isinstance(refusal, Invalid):
            form.add_error(None, told.sentence)
        elif not form.errors and not add_refusal(form, refusal):
            form.add_error(None, refusal.detail)
        return self._ask(key, form, status=status_of(refusal))

    def _ask(
        self, key: Sequence[Any], form: VerbForm, status: int = 200, own: str = ""
    ) -> HttpResponse:
        """Render it. `own`: the reader has changed the thing themselves, as the sentence says; they
        read what they typed here, and are asked anew."""
        verb = type(self).verb
        over = status == HTTPStatus.CONFLICT
        subject, said = verb.subject, said_of(verb)
        with self.scope():
            row = subject.read_one(self.acting_user.tenant_id, key[0])
            thing = self.described(key)
            barred = "" if form.is_bound or own else self._barred(row)
            if form.fields and not form.is_bound:
                form.initial = dict(subject.form_values(row))
            context = {
                "crumbs": [
                    *_crumbs(subject, row, thing),
                    {"label": said.title or said.label, "url": ""},
                ],
                "title": said.title or f"{said.label}: {thing.title}",
                "intro": said.intro or (thing.title if said.title else ""),
                "tone": said.tone or ("danger" if verb.dangerous else ""),
                "warning": said.warning,
                "form": None if barred else self._form() if own else form,
                "barred": barred,
                "conflict": own,
                # A state that rules it out will do so again: what was typed is handed back.
                "over": over,
                "kept": kept_texts(form) if over or own else [],
                "facts": [] if subject.page_facts is None else subject.page_facts(row),
                "url": carried(self.request, self.request.path),
                "submit_label": said.submit or said.label,
                "cancel_url": carried(self.request, thing.url)
                or (subject.crumbs(row)[0]["url"] if subject.crumbs else ""),
                # Beside a button that cancels something, "Cancel" would be said of two things.
                "cancel_label": _("Back") if verb.name == "cancel" else "",
                "version": getattr(row, "digest" if verb.requires_digest else "version", None),
            }
            return self.render(TEMPLATE, context, status=status)

    def _barred(self, row: Any) -> str:
        """Return why it cannot be done as it stands, whatever is typed, "" where it may be: nobody
        fills in a form for nothing. Where a guard decides, the row alone cannot tell."""
        verb = type(self).verb
        if verb.guard is not None:
            return ""
        refusal = verb.refusal(row, verb.subject.fact(row), None)
        if not isinstance(refusal, Conflict):
            return ""
        if refusal.code != catalogue.ILLEGAL_STATE:
            return refusal.detail
        label = state_words(verb.subject_type, str(row.status)).label
        return _("That is not possible: it is now “%(status)s”.") % {"status": label}


class AskOnPage(Ask):
    """A verb whose form stands on the page of the thing, among others: it takes that form only."""

    http_method_names = ["post", "options"]

    @override
    def _form(self, said: QueryDict | None = None) -> VerbForm:
        return form_on_page(type(self).verb, said)

    @override
    def _ask(
        self, key: Sequence[Any], form: VerbForm, status: int = 200, own: str = ""
    ) -> HttpResponse:
        show = type(self).show_refused
        if show is None:
            raise TypeError("a form that stands on another page is shown again by that page")
        return show(self, Refused(key, own, status, type(self).verb, form, own=bool(own)))


def form_on_page(verb: Verb[Any], said: QueryDict | None = None) -> VerbForm:
    """Return a verb's form for a page that has several: ids of its fields begin with the verb."""
    return form_of(verb)(said, auto_id=f"{verb.name}_%s")


def _crumbs(subject: Subject, row: Any, thing: Description) -> list[dict[str, str]]:
    if subject.crumbs is not None:
        return subject.crumbs(row)
    return [{"label": thing.title, "url": thing.url}]


def said_of(verb: Verb[Any]) -> VerbWords:
    """Return how a verb reads."""
    return words.said_of(verb.subject_type, verb.name)


def verb_page_paths(
    subject_type: str,
    prefix: str,
    *,
    show_refused: ShowRefused | None = None,
    on_page: Collection[str] = (),
) -> list[URLPattern]:
    """Return the addresses of the verbs that have a button, below `prefix`, named by the verb
    (after what the subject's `pages` says).

    `prefix` is the address of one thing (`work-items/<uuid:id>/`). `show_refused` shows the page of
    the thing with what a button ran into; without it a page of its own says so. The forms of the
    verbs `on_page` stand on that page too (`choice`), and it shows them again when they are broken.
    A verb that creates has no thing to stand on: the page that asks for it is its app's, with
    `form_of`.
    """
    return [
        path(
            f"{prefix}{_place(each)}/",
            page_of(each, show_refused, on_page=each.name in on_page).as_view(),
            name=_address_name(each).rpartition(":")[2],
        )
        for each in catalogue.verbs_of(subject_type)
        if each.page and not each.creates
    ]


def page_of(
    verb: Verb[Any], show_refused: ShowRefused | None = None, *, on_page: bool = False
) -> type[VerbPage]:
    """Return the page class of one verb: one that asks, one that is asked elsewhere, or that does.

    Raises ValueError for a form that stands on a page which cannot show it again.
    """
    if on_page and show_refused is None:
        raise ValueError(f"{verb.name}: nobody shows its form again")
    base = _base_of(verb, on_page=on_page)
    members: dict[str, Any] = {"__doc__": verb.description, "verb": verb, "fills_in": verb.input}
    members["show_refused"] = None if show_refused is None else staticmethod(show_refused)
    name = f"{base.__name__}_{verb.subject_type}_{verb.operation.method}"
    return cast("type[VerbPage]", type(name.title().replace("_", ""), (base,), members))


def _base_of(verb: Verb[Any], *, on_page: bool) -> type[VerbPage]:
    if not asks(verb):
        return Do
    return AskOnPage if on_page else Ask


def _address_name(verb: Verb[Any]) -> str:
    """Return the name of the address of a verb's page, its namespace before it."""
    pages = verb.subject.pages
    return f"{pages}-{verb.name}" if ":" in pages else f"{pages}:{verb.name}"


def _place(verb: Verb[Any]) -> str:
    """Return where a verb's page is below its thing's: its name, or its route with further keys."""
    return verb.route if "<" in verb.route else verb.name


def buttons(
    subject: Subject, row: Any, offers: Iterable[Offer], *, of_undo: bool = False
) -> list[dict[str, Any]]:
    """Return `actions` of components/actions.html for one thing, in the order of declaration.

    What its status rules out is left out: those who finished something need not read why it can no
    longer be claimed. Decisions about its undo are asked for apart (`of_undo`). Verbs that need
    more than the thing to be addressed have no button on its page.
    """
    return [
        button(verb, [row.pk], offer)
        for offer in offers
        if not offer.wrong_state
        for verb in [catalogue.find(subject.subject_type, offer.action)]
        if verb.page and verb.of_undo is of_undo and "<" not in verb.route
    ]


def button(verb: Verb[Any], key: Sequence[Any], offer: Offer) -> dict[str, Any]:
    """Return one of `actions` of components/actions.html: a verb on the thing of `key`."""
    said = said_of(verb)
    return {
        "action": verb.name,
        "label": said.label,
        "url": reverse(_address_name(verb), args=list(key)),
        "method": "get" if asks(verb) else "post",
        "tone": said.tone,
        "icon": said.icon,
        "allowed": offer.allowed,
        "reason": words.denial(offer.reason) if offer.reason else "",
    }


def choice(
    verb: Verb[Any], key: Sequence[Any], offer: Offer, refused: Refused | None = None
) -> dict[str, Any]:
    """Return one of several ways to decide, whose forms all stand on one page.

    It is a `button` with `hint`, `submit_label` and its `form` (None where nothing has to be said);
    `open` when that form is the one that was `refused`.
    """
    said = said_of(verb)
    sent = refused is not None and refused.verb == verb
    broken = refused.form if refused is not None and sent and not refused.own else None
    empty = None if verb.input is Nothing else form_on_page(verb)
    return {
        **button(verb, key, offer),
        "hint": said.hint,
        "form": broken or empty,
        "submit_label": said.submit or said.label,
        "open": sent,
    }


def any_open(choices: Iterable[Mapping[str, Any] | None]) -> bool:
    """Whether the page still offers the form that was refused on it."""
    return any(each["open"] and each["allowed"] for each in choices if each is not None)
