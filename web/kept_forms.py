"""What somebody typed is not lost because their session was over when they sent it.

Every form says, signed, for whom it was made (`WRITTEN_BY`). One that comes when nobody is signed
in, or with the token of an earlier session, is not acted on: it is kept in the browser's session,
and its page shows the text again to the same user in the same tenant, who sends it or not. A page
that somebody else made the browser send cannot know that word, so it keeps nothing.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from django.core import signing
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponseBase
from django.urls import Resolver404, resolve

from ledger.clock import now
from web.membership import place_of
from web.names_field import NamesField, names_in

#: The hidden field of every form in which something can be typed.
WRITTEN_BY: Final = "written_by"
SESSION_KEY: Final = "kept_form"
#: Longer ones are not kept: room for the largest payload, with its escapes.
MAX_KEPT: Final = 512 * 1024
#: How long it waits for its author.
KEPT_SECONDS: Final = 60 * 60
View = TypeVar("View", bound=Callable[..., HttpResponseBase])
_SIGNER: Final = signing.Signer(salt="web.kept_forms")
# What belongs to the sending and not to the text. The page has them anew.
_NOT_TEXT: Final = frozenset({"csrfmiddlewaretoken", "version", WRITTEN_BY})
# A session is no place for these, by whatever name they are typed; every field that hides what is
# typed into it has such a name.
_SECRET: Final = re.compile(r"passw(or)?d|passphrase|secret", re.IGNORECASE)
# How deep the parts of a page lie in what its template is given.
_DEPTH: Final = 4


@dataclasses.dataclass(frozen=True, slots=True)
class KeptForm:
    """What was typed, where it was to be sent, and whose it is."""

    path: str
    #: A list where several were sent under one name: what was ticked.
    fields: dict[str, str | list[str]]
    user_id: str
    tenant_id: str
    at: float


def is_secret(name: str) -> bool:
    """Return whether what is typed into a field of this name is kept nowhere."""
    return _SECRET.search(name) is not None


def keeping(view: View) -> View:
    """Mark a view that is a function: it puts back itself what was typed into its form."""
    view.__dict__["keeps_forms"] = True
    return view


def token_for(request: HttpRequest) -> str:
    """Return the word by which a form says for whom it was made; "" where nobody is signed in."""
    place = place_of(request)
    if place is None:
        return ""
    acting = place.acting
    return _SIGNER.sign_object([str(acting.user_id), str(acting.tenant_id)])


def written_elsewhere(request: HttpRequest) -> bool:
    """Return whether the form that was sent says, truly, that it was made for somebody else or in
    another tenant than the session acts in now: another tab may have changed that."""
    author, place = _author(request.POST.get(WRITTEN_BY, "")), place_of(request)
    if author is None or place is None:
        return False
    return author != (str(place.acting.user_id), str(place.acting.tenant_id))


def keep(request: HttpRequest) -> bool:
    """Keep the form that was sent, in the place of an earlier one. Whether it was: it must say for
    whom it was made, belong to a page of members, and be within the bound."""
    author = _author(request.POST.get(WRITTEN_BY, ""))
    sent = {
        name: [str(value) for value in values]
        for name, values in request.POST.lists()
        if name not in _NOT_TEXT and not is_secret(name)
    }
    size = sum(len(name) + len(value) for name, values in sent.items() for value in values)
    fields = {name: values if len(values) > 1 else values[0] for name, values in sent.items()}
    if author is None or not fields or size > MAX_KEPT or not _takes_text(request.path_info):
        return False
    found = KeptForm(request.path_info, fields, *author, at=now().timestamp())
    if place_of(request) is None:
        # Nobody may ever come back for it.
        request.session.set_expiry(KEPT_SECONDS)
    request.session[SESSION_KEY] = dataclasses.asdict(found)
    return True


def waiting(request: HttpRequest) -> KeptForm | None:
    """Return the form that waits in this session, whosever it is."""
    stored = request.session.get(SESSION_KEY)
    if not isinstance(stored, dict):
        return None
    found = KeptForm(**stored)
    return found if now().timestamp() - found.at < KEPT_SECONDS else None


def own(request: HttpRequest) -> KeptForm | None:
    """Return the form that waits, if the member who asks wrote it, in this tenant."""
    found, place = waiting(request), place_of(request)
    if found is None or place is None:
        return None
    author = (str(place.acting.user_id), str(place.acting.tenant_id))
    return found if (found.user_id, found.tenant_id) == author else None


def drop(request: HttpRequest, path: str | None = None) -> None:
    """Forget what waits; with `path` only what was to be sent there."""
    stored = request.session.get(SESSION_KEY)
    if stored is not None and path in {None, stored.get("path")}:
        del request.session[SESSION_KEY]


def put_back(request: HttpRequest, context: dict[str, Any]) -> bool:
    """Fill what was typed into its form on the page, if that is there. Whether it was.

    A form stands in a context as `form`, beside the `url` it is sent to (`draft_url` by another
    button) and, where it is folded, `open`.
    """
    if SESSION_KEY not in request.session:
        return False
    found = own(request)
    if found is None:
        return False
    filled = [_filled(part, found) for part in _parts_with_form(context) if _takes(part, found)]
    return any(filled)


def _takes(part: dict[str, Any], found: KeptForm) -> bool:
    sent_to = (part.get("url"), part.get("draft_url"))
    return any(urlsplit(str(url)).path == found.path for url in sent_to if url)


def _filled(part: dict[str, Any], found: KeptForm) -> bool:
    """Fill in what was typed. Whether it was of this form: others may be sent to its address."""
    form = part["form"]
    if hasattr(form, "widen"):
        form.widen(found.fields)
    known = {
        name: names_in(text) if isinstance(form.fields[name], NamesField) else text
        for name, text in found.fields.items()
        if name in form.fields
    }
    form.initial = {**(form.initial or {}), **known}
    if "open" in part and known:
        part["open"] = True
    return bool(known)


def _parts_with_form(part: Any, depth: int = _DEPTH) -> Iterator[dict[str, Any]]:
    if isinstance(part, dict):
        if isinstance(part.get("form"), BaseForm) and not part["form"].is_bound:
            yield part
        inner: Any = part.values()
    else:
        inner = part if isinstance(part, list) else ()
    for each in inner if depth else ():
        yield from _parts_with_form(each, depth - 1)


def _author(token: str) -> tuple[str, str] | None:
    try:
        user_id, tenant_id = _SIGNER.unsign_object(token)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return str(user_id), str(tenant_id)


def _takes_text(path: str) -> bool:
    """Whether an address is one of the members' pages, or says that it keeps forms: signing in
    keeps no password."""
    try:
        view: Any = resolve(path).func
    except Resolver404:
        return False
    return bool(getattr(getattr(view, "view_class", view), "keeps_forms", False))
