"""What the demo adds to the first page: who can log in, and a story to look at."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.roles import OPERATING_ROLES, Role, strongest
from config.demo import story
from config.demo.demo_people import CAST, DEMO, PASSWORD
from ledger.errors import NotFound, NotPermitted, Refusal
from web.error_pages import refusal_page
from web.membership import place_of

#: A visitor waits for so long; what is missing then is told when they press again.
SECONDS = 8.0


def first_page() -> dict[str, Any]:
    """Return `shell.hint` of the first page: everybody who can log in, and with what."""
    return {
        "template": "demo/first_page.html",
        "password": PASSWORD,
        "story_url": reverse("demo:story"),
        "people": [
            {"username": each.username, "name": each.name, "does": _does(each)}
            for each in CAST
            if each.signs_in
        ],
    }


def _does(player: Any) -> str:
    """Return in a few words what one of the cast is there for."""
    parts = [str(Role(strongest(frozenset(player.roles))).label)] if player.roles else []
    parts += [_("in the group %(group)s") % {"group": group} for group in player.groups]
    if player.organisation is not DEMO:
        parts.append(_("of another organisation: %(name)s") % {"name": player.organisation.name})
    return ", ".join(parts) or _("a member without a task")


@require_POST
def load_story(request: HttpRequest) -> HttpResponse:
    """Tell the story, and lead to it. For visitors, who could log in as anybody here, and for the
    demo's own operators."""
    try:
        _require_right(request)
        told = story.tell(seconds=SECONDS)
    except NotFound as nobody:
        messages.error(request, nobody.detail)
        return redirect(f"{reverse('web:login')}?{urlencode({'next': '/'})}")
    except Refusal as refusal:
        return refusal_page(request, refusal)
    page = reverse("cases:detail", args=[told.case_id])
    if told.is_over:
        text = _("The story is there. Log in as operator to look at it, and to take it back.")
        messages.success(request, text)
    else:
        text = _(
            "%(done)s of %(total)s steps are told; the worker is at it. Load it again to go on."
        )
        messages.info(request, text % {"done": told.done, "total": told.total})
    if request.user.is_authenticated:
        return redirect(page)
    return redirect(f"{reverse('web:login')}?{urlencode({'next': page})}")


def _require_right(request: HttpRequest) -> None:
    place = place_of(request)
    if place is None and not request.user.is_authenticated:
        return
    operates = place is not None and not OPERATING_ROLES.isdisjoint(place.roles)
    if not operates or place is None or place.tenant_slug != DEMO.slug:
        raise NotPermitted(_("Only an operator of the demo may do this."))
