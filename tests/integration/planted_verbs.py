"""Verbs that no app declares, planted on work items: everything about them is made from this.

`park` asks for a reason, `unpark` is a button, `rename` a PATCH, `plant` makes an item and demands
an Idempotency-Key, `weigh` demands a digest and answers with something else than the item.
"""

from __future__ import annotations

import contextlib
import dataclasses
import types
import uuid
from collections.abc import Iterator, Sequence
from typing import Any
from unittest import mock

from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import include, path
from django_fsm import transition
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.acting import Authority
from config import urls
from ledger import vocabulary
from ledger.clock import now
from ledger.errors import Stale
from ledger.tenancy import tenant_scope
from verbs import catalogue, subject, words
from verbs.input import Input, Name, Nothing, Reason
from verbs.move import insert, move
from verbs.operation import operation
from verbs.shell import Changed, VerbContext
from verbs.subject import Description, Named, ResultShape, subject_of
from verbs.words import ActionWords, VerbWords
from web.api import TenantAPIView
from web.pages import MemberPage
from web.verb_api import verb_paths
from web.verb_pages import Refused, buttons, choice, verb_page_paths
from workitems.api.item_json import WorkItemSchema, represent_many
from workitems.lifecycle import OPEN
from workitems.models import WorkItem
from workitems.subject import describe_item

WORK_ITEM = WorkItem.subject_type
STATUS = WorkItem._meta.get_field("status")
BUTTONS = (
    "{% include 'components/actions.html' %}{% include 'components/denied.html' %}"
    "{% if refused %}<p>{{ refused }}</p>{% endif %}"
    "<h2>{{ park.hint }}</h2>{% if park.open %}OPEN {{ park.submit_label }}{% endif %}"
    "{{ park.form }}"
)


class Title(Input):
    """What it is called."""

    title: Name


@transition(field=STATUS, source="PENDING", target="SUSPENDED")
def park(_item: WorkItem) -> None:
    """The FSM method of `park`."""


@transition(field=STATUS, source="SUSPENDED", target="PENDING")
def unpark(_item: WorkItem) -> None:
    """The FSM method of `unpark`."""


def _parked(_item: WorkItem, given: Reason, _context: VerbContext) -> Changed:
    """Put it away until somebody wants it again."""
    return Changed(payloads={"reason": given.reason})


def _unparked(_item: WorkItem, _given: Nothing, _context: VerbContext) -> None:
    """Take it out again."""


def _renamed(item: WorkItem, given: Title, context: VerbContext) -> WorkItem:
    """Call it something else."""
    item.title = given.title
    move(item, "edited", before=str(item.status), by=context.by, fields=["title"])
    return item


def _planted(_item: None, given: Title, context: VerbContext) -> WorkItem:
    """Make one from a title."""
    item = WorkItem(
        tenant_id=context.call.by.tenant_id,
        title=given.title,
        created_by_id=context.authority.actor_id,
        created_at=now(),
    )
    insert(item, "created", by=context.by)
    return item


def _weighed(item: WorkItem, _given: Nothing, context: VerbContext) -> tuple[WorkItem, int]:
    """Say how heavy it is."""
    if not context.call.saw("seen"):
        raise Stale
    return item, 7


def _shape(items: Sequence[WorkItem], authority: Authority) -> list[dict[str, Any]]:
    offers = catalogue.offers_of(SUBJECT, items, authority)
    return [
        {**shape, "available_actions": catalogue.offers_json(offers[item.pk])}
        for item, shape in zip(items, represent_many(items, authority), strict=True)
    ]


def _called(id_: uuid.UUID, *said: str) -> Description:
    found = describe_item(id_, *said)
    return Description(found.title, found.url)


REAL = subject_of(WORK_ITEM)
SUBJECT = dataclasses.replace(
    REAL,
    shape=_shape,
    schema=WorkItemSchema,
    named=Named(WorkItem, ("title", "status", "kind"), _called),
    pages="planted",
    page_facts=lambda item: [{"label": "Priority", "value": item.priority}],
    results={
        "weigh": ResultShape(
            shape=lambda found, _authority: {"id": str(found[0].id), "weight": found[1]},
            schema=WorkItemSchema,
            tag=lambda _found: "feather",
            place=lambda found: f"/scales/{found[1]}",
            status=lambda _found: 202,
        )
    },
)


def _declare() -> None:
    put = catalogue.transition(
        WORK_ITEM, operation("park", {"PENDING"}, "SUSPENDED", "operator"),
        action="parked", given=Reason,
    )  # fmt: skip
    out = catalogue.transition(
        WORK_ITEM, operation("unpark", {"SUSPENDED"}, "PENDING", "operator"),
        action="unparked", of_undo=True,
    )  # fmt: skip
    rename = catalogue.verb(
        WORK_ITEM, operation("rename", OPEN, None, "operator"), action="edited", given=Title,
        method="PATCH", page=False, no_button="planted for the API",
    )  # fmt: skip
    plant = catalogue.verb(
        WORK_ITEM, operation("plant", None, "PENDING", "member"), action="created", given=Title,
        creates=True, status=201, requires_key=True, page=False, no_button="planted for the API",
    )  # fmt: skip
    weigh = catalogue.verb(
        WORK_ITEM, operation("weigh", OPEN, None, "member"), action="edited",
        route="scales/weigh", requires_digest=True, page=False, no_button="planted for the API",
    )  # fmt: skip
    put(_parked)
    out(_unparked)
    rename(_renamed)
    plant(_planted)
    weigh(_weighed)


class PlantedItem(TenantAPIView):
    """One work item, as its subject says."""

    @extend_schema(responses=WorkItemSchema)
    def get(self, request: Request, id: uuid.UUID) -> Response:  # noqa: A002, ARG002  -- the route's name
        """Read it."""
        return Response(
            _shape([SUBJECT.read_one(self.acting_user.tenant_id, id)], self.authority)[0]
        )


class ButtonsPage(MemberPage):
    """The buttons of an item, ordinary ones first."""

    def get(self, request: HttpRequest, id: uuid.UUID) -> HttpResponse:  # noqa: A002, ARG002  -- the route's name
        """Show them."""
        return show_buttons(self, Refused([id], "", 200))


def show_buttons(page: MemberPage, refused: Refused) -> HttpResponse:
    """Show the buttons of an item and what one of them ran into."""
    item = SUBJECT.read_one(page.acting_user.tenant_id, refused.key[0])
    offers = catalogue.offers_of(SUBJECT, [item], page.authority)[item.pk]
    actions = buttons(SUBJECT, item, offers) + buttons(SUBJECT, item, offers, of_undo=True)
    context = {
        "actions": actions,
        "version": item.version,
        "refused": refused.sentence,
        "park": choice(catalogue.find(WORK_ITEM, "park"), [item.pk], offers[0], refused),
    }
    template = engines["django"].from_string(BUTTONS)
    return HttpResponse(template.render(context, page.request), status=refused.status)


def _show_refused(page: MemberPage, refused: Refused) -> HttpResponse:
    with tenant_scope(page.acting_user.tenant_id):
        return show_buttons(page, refused)


def urlconf() -> types.ModuleType:
    """Return the addresses of the project with those made for the planted verbs before them."""
    made = types.ModuleType("planted_urls")
    one = "work-items/<uuid:id>/"
    pages = [
        *verb_page_paths(WORK_ITEM, one, show_refused=_show_refused),
        path(f"{one}buttons/", ButtonsPage.as_view(), name="buttons"),
    ]
    on_page = verb_page_paths(
        WORK_ITEM, f"{one}here/", show_refused=_show_refused, on_page=["park", "unpark"]
    )
    made.urlpatterns = [  # type: ignore[attr-defined]  # what Django looks for in a URLconf
        path("api/v1/", include((verb_paths(WORK_ITEM, detail=PlantedItem), "planted-api"))),
        path("", include((pages, "planted"))),
        path("", include((on_page, "planted-on-page"))),
        *urls.urlpatterns,
    ]
    for name in ("handler400", "handler403", "handler404", "handler500"):
        setattr(made, name, getattr(urls, name))
    return made


ACTIONS = {
    "parked": ActionWords("Put on hold", "%(what)s put on hold by %(who)s"),
    "unparked": ActionWords("Taken up again", "%(what)s taken up again by %(who)s"),
}
WORDS = {
    "park": VerbWords(
        "Park", "It is parked.", "pause", "danger", "It waits.", "Mind.", "Park it",
        hint="It can wait.", fields={"reason": ("Why it can wait", "Others read this.")},
    ),
    "unpark": VerbWords("Unpark", "It is back.", "play", "primary"),
}  # fmt: skip


@contextlib.contextmanager
def planted() -> Iterator[types.ModuleType]:
    """Declare these verbs with their words in place of the real ones, for a while.

    Yields their URLconf.
    """
    subject.register(SUBJECT)
    methods = mock.patch.multiple(WorkItem, create=True, park=park, unpark=unpark)
    try:
        with (
            methods,
            mock.patch.dict("verbs.catalogue._catalogue"),
            mock.patch.dict("verbs.words._verbs"),
            mock.patch.dict("verbs.words._actions"),
        ):
            for each in catalogue.verbs_of(WORK_ITEM):
                catalogue.withdraw(each)
            _declare()
            words.register_verbs(WORK_ITEM, WORDS)
            words.register_actions(WORK_ITEM, ACTIONS)
            yield urlconf()
    finally:
        vocabulary.withdraw(WORK_ITEM, ACTIONS)
        subject.register(REAL)
