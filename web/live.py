"""Pages that stay true while somebody looks at them: what each watches, and the answer "no news".

A page says once, in `register`, which rows it shows. Of their ids and versions, of what its reader
may do, and of what the navigation counts, one statement makes the page's tag. The page carries the
tag; while its tab is visible `static/js/live.js` asks for the same address again with
`If-None-Match`. The same tag: 304, before anything else is looked up (two statements: session and
tag). Another one: the whole page, which the script lays over the old one without moving what is
under the cursor.

Of any other page, and of a later one of a list, what stands around it is renewed in the same way:
the counts of the navigation, and that no worker answers.

A browser that has a page and asks for it in the ordinary way is answered 304 too where it would be
the same (`entity_tag`): that saves making it, and not the signing in.

Who looks is in a signed header, so that a poll need not be signed in once more. It counts only with
the session it was made in, and the one statement reads whether the membership still stands.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.contrib.messages import get_messages
from django.core import signing
from django.db.models import QuerySet, TextField, Value
from django.db.models.expressions import Combinable
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.urls import Resolver404, resolve
from django.utils import timezone, translation
from django.utils.cache import patch_vary_headers
from django.utils.crypto import constant_time_compare

from accounts.acting import ActingUser, Authority
from accounts.viewers import authority_said, session_hash, viewer
from ledger.tenancy import reading_scope
from web import etag, workers_heard
from web.counts import COUNTED
from web.kept_forms import SESSION_KEY as KEPT
from web.membership import SESSION_KEY as CHOSEN
from web.rate_limits import refused, wait_of

HEADER = "Amends-Live"
_SALT = "amends.live"
#: For how long an open page is taken for true where nothing has changed: what time alone changes (a
#: task is overdue, a plan has expired) shows by then.
TRUE_SECONDS = 300


@dataclasses.dataclass(frozen=True, slots=True)
class Watched:
    """Some rows of a page: which there are, and what tells that one of them has changed.

    At most `most` of them, in their order: what is further down changes unseen.
    """

    rows: QuerySet[Any]
    version: str | Combinable = "version"
    key: str | Combinable = "id"
    most: int = COUNTED


#: Returns what a page shows, by who looks and the keys in its address; `QUERY` is what stands
#: behind the question mark.
QUERY = "?"
Watch = Callable[[ActingUser, Mapping[str, Any]], Iterable[Watched]]


@dataclasses.dataclass(frozen=True, slots=True)
class LivePage:
    """A page that refreshes, by the name of its address. Of a `listing` new rows wait behind a
    button: nothing moves while somebody is about to press."""

    url_name: str
    watch: Watch
    listing: bool = False
    seconds: int = 8

    @property
    def frame(self) -> bool:
        """Whether only what stands around it is renewed."""
        return self.watch is _nothing


@dataclasses.dataclass(frozen=True, slots=True)
class Live:
    """What a page carries, to ask again. `counts` is how much each entry of the navigation counts,
    and `authority` what its reader may do: both were read with the tag."""

    tag: str
    viewer: str
    listing: bool
    seconds: int
    #: Whether this is the answer to a poll.
    is_poll: bool
    counts: Mapping[str, int]
    #: Whether only what stands around the page is renewed.
    frame: bool = False
    authority: Authority | None = None
    #: Where to ask, where that is not its own address: of the answer to a form.
    address: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class _Read:
    """What the one statement found: the tag, the counts of the navigation, and of the viewer what a
    session of theirs is told by and what they may do; None if they are nobody any more."""

    tag: str
    counts: Mapping[str, int]
    standing: str | None
    authority: Authority | None


def _nothing(_who: ActingUser, _keys: Mapping[str, Any]) -> Iterable[Watched]:
    return ()


#: A page that says of nothing it shows that it refreshes.
_FRAME = LivePage("", _nothing, seconds=15)
_pages: dict[str, LivePage] = {}
_counted: dict[str, Watch] = {}
_beside: dict[str, tuple[str, ...]] = {}
_added: dict[str, set[str]] = {}


def register(*pages: LivePage) -> None:
    """Let pages refresh. Registering an address again replaces what it watches."""
    _pages.update({page.url_name: page for page in pages})


def register_counted(key: str, watch: Watch, beside: Sequence[str] = ()) -> None:
    """Say what an entry of the navigation counts: every page that refreshes watches it too. What
    the entries `beside` count, it counts as well; it is read once for all of them. Raises
    LookupError where nobody has said yet what one of these counts."""
    _check_counted(key, beside)
    _counted[key] = watch
    _beside[key] = tuple(beside)


def count_too(whole: str, key: str) -> None:
    """Let the entry `whole`, which may be registered later, count what `key` counts as well. Raises
    LookupError where nobody has said yet what that is."""
    _check_counted(whole, [key])
    _added.setdefault(whole, set()).add(key)


def _check_counted(key: str, beside: Sequence[str]) -> None:
    unknown = sorted({*beside} - {*_counted})
    if unknown:
        raise LookupError(f"what {key!r} counts beside its own is not counted: {unknown}")


def live_of(request: HttpRequest) -> Live | None:
    """Return what the page of a request carries; None for one of which only the frame is renewed.

    Only to be called in the tenant's scope and before the page reads anything, so that what changes
    meanwhile is news.
    """
    page = _page_of(request)
    return None if page is None or page.frame else _carried(request, page)


def frame_of(request: HttpRequest) -> Live | None:
    """Return what any other page carries. It is read when the page asks for it, in the tenant's
    scope: a part of a page, or a file, has no frame."""
    page = _page_of(request)
    return None if page is None else _carried(request, page)


def _carried(request: HttpRequest, page: LivePage) -> Live | None:
    who = getattr(request, "acting_user", None)
    if who is None:
        return None
    read = getattr(request, "live_read", None) or _read(page, who, _keys(request))
    return Live(
        tag=read.tag, viewer=_signed(who), listing=page.listing, seconds=page.seconds,
        is_poll=is_poll(request), counts=read.counts, frame=page.frame, authority=read.authority,
    )  # fmt: skip


def after_form(
    request: HttpRequest, who: ActingUser, address: str, *, frame: bool = False
) -> Live | None:
    """Return what the answer to a form carries that shows the page at `address` with what was wrong
    with it; of a list, of a page that takes its own form, and where `frame` says that it shows
    something else, only the frame is renewed. Whatever is asked first is news: what the page read
    before nobody has told apart."""
    try:
        page = _pages.get(resolve(address).view_name, _FRAME)
    except Resolver404:
        return None
    if frame or page.listing or address == request.path_info:
        page = _FRAME
    query = request.META.get("QUERY_STRING", "")
    return Live(
        tag="", viewer=_signed(who), listing=False, seconds=page.seconds, is_poll=False, counts={},
        frame=page.frame, address=f"{address}?{query}" if query else address,
    )  # fmt: skip


def entity_tag(request: HttpRequest, carried: Live, at: dt.datetime) -> str:
    """Return the tag of a page as it is sent: what it watches, and who reads it how, in which
    session, and the minute, of which it says how long ago things were. So nothing that it shows
    and does not watch is held for longer. The answer to a poll has the tag that polls ask with."""
    if carried.is_poll:
        return carried.tag
    read_as = (
        request.session.session_key, request.META.get("CSRF_COOKIE"), translation.get_language(),
        timezone.get_current_timezone_name(), request.headers.get("HX-Request"),
        f"{at:%Y-%m-%dT%H:%M}",
    )  # fmt: skip
    return f"{carried.tag}-{hashlib.sha256(repr(read_as).encode()).hexdigest()[:16]}"


def says_something_once(request: HttpRequest) -> bool:
    """Return whether the page has what the next time it is asked for it has no more: a message, or
    what was typed before the session was over."""
    return len(get_messages(request)) > 0 or KEPT in request.session


def counts_of(who: ActingUser) -> Mapping[str, int]:
    """Return how much each entry of the navigation counts, by its key, for a page that does not
    refresh: one statement for all, in the caller's tenant scope."""
    watched = [(name, part) for name, watch in _counted.items() for part in watch(who, {})]
    return _counts(watched, _found(watched)) if watched else {}


def newest(rows: QuerySet[Any]) -> Watched:
    """Return what to watch where every change is an entry: the newest of these ledger entries."""
    return Watched(rows.order_by("-at", "-id"), version="subject_version", most=1)


def is_poll(request: HttpRequest) -> bool:
    """Return whether a page only asks for news of itself."""
    return HEADER in request.headers


class LiveMiddleware:
    """Answers a poll that has no news, before anybody is signed in. Stands behind the session's."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer it; else run the request."""
        said = _said(request) if request.method == "GET" and is_poll(request) else None
        if said is None:
            return self._get_response(request)
        if request.session.get(CHOSEN, said["membership_id"]) != said["membership_id"]:
            # Another tab has changed the organisation: of that one this page must show nothing.
            return HttpResponse(status=HTTPStatus.CONFLICT, headers={"Cache-Control": "no-store"})
        who = _viewer(said)
        if wait := wait_of(("user", str(who.user_id))):
            return refused(request, wait)
        return self._no_news(request, who) or self._get_response(request)

    def _no_news(self, request: HttpRequest, who: ActingUser) -> HttpResponse | None:
        page = _page_of(request)
        if page is None:
            return None
        with reading_scope(who.tenant_id):
            read = _read(page, who, _keys(request))
        known = request.session.get(HASH_SESSION_KEY, "")
        if read.standing is None or not constant_time_compare(known, read.standing):
            return None
        tag = etag.tag(read.tag)
        if request.headers.get("If-None-Match") != tag:
            # Read before the page is: what changes meanwhile is the next poll's news.
            request.__dict__["live_read"] = read
            return None
        response = HttpResponseNotModified(
            headers={"ETag": tag, "Cache-Control": "private, no-cache"}
        )
        patch_vary_headers(response, ("Cookie", "HX-Request"))
        return response


def _page_of(request: HttpRequest) -> LivePage | None:
    """Return the page at the address of a request. No row of a later page of a list moves: there
    only the frame is renewed."""
    if request.method != "GET":
        return None
    match = request.resolver_match
    try:
        match = match or resolve(request.path_info)
    except Resolver404:
        return None
    page = _pages.get(match.view_name, _FRAME)
    return dataclasses.replace(page, watch=_nothing) if "cursor" in request.GET else page


def _keys(request: HttpRequest) -> dict[str, Any]:
    match = request.resolver_match or resolve(request.path_info)
    return {**match.kwargs, QUERY: request.GET}


def _read(page: LivePage, who: ActingUser, keys: Mapping[str, Any]) -> _Read:
    """Read what a page watches, in one statement."""
    of_viewer = viewer(who)
    watched = [("", Watched(of_viewer.rows, of_viewer.known_by, of_viewer.may))]
    for name, watch in (*_counted.items(), ("", page.watch)):
        watched += [(name, part) for part in watch(who, keys)]
    found = _found(watched)
    # Every page says when no worker is there: silence that begins or ends is news.
    told = [*found, "silent"] if workers_heard.workers_are_silent() else found
    may, known_by = next((row[1:] for row in found if row[0] == "0"), (None, None))
    return _Read(
        tag=hashlib.sha256(repr(told).encode()).hexdigest()[:32],
        counts=_counts(watched, found),
        standing=None if known_by is None else session_hash(known_by),
        authority=None if may is None else authority_said(who.tenant_id, may),
    )


def _found(watched: list[tuple[str, Watched]]) -> list[tuple[str, str, str]]:
    first, *others = (_rows(number, part) for number, (_name, part) in enumerate(watched))
    return sorted(first.union(*others, all=True), key=repr)


def _counts(
    watched: list[tuple[str, Watched]], found: list[tuple[str, str, str]]
) -> dict[str, int]:
    # One thing may be found in two ways.
    keys: dict[str, set[str]] = {name: set() for name in ("", *_counted)}
    for number, key, _version in found:
        keys[watched[int(number)][0]].add(key)

    def of(name: str) -> set[str]:
        beside = (*_beside.get(name, ()), *_added.get(name, ()))
        return keys[name].union(*map(of, beside))

    return {name: min(len(of(name)), COUNTED) for name in _counted}


def _rows(number: int, part: Watched) -> QuerySet[Any, Any]:
    said: QuerySet[Any, Any] = part.rows.prefetch_related(None).annotate(
        live_part=Value(str(number), TextField()),
        live_key=Cast(part.key, TextField()),
        live_version=Cast(part.version, TextField()),
    )
    named = said.values_list("live_part", "live_key", "live_version")
    return named[: part.most]


_SIGNED = ("tenant_id", "actor_id", "membership_id", "user_id", "actor_type", "username")


def _signed(who: ActingUser) -> str:
    return signing.dumps([str(getattr(who, name)) for name in _SIGNED], salt=_SALT)


def _said(request: HttpRequest) -> dict[str, str] | None:
    """Return for whom the page was made, if the session is still theirs and the page is not older
    than it is taken for true: else it is made anew."""
    try:
        token = request.headers[HEADER]
        told = signing.loads(token, salt=_SALT, max_age=TRUE_SECONDS)
        said = dict(zip(_SIGNED, told, strict=True))
    except (signing.BadSignature, ValueError):
        return None
    return said if request.session.get(SESSION_KEY) == said["user_id"] else None


def _viewer(said: Mapping[str, str]) -> ActingUser:
    ids = {name: uuid.UUID(said[name]) for name in _SIGNED[:4]}
    return ActingUser(actor_type=said["actor_type"], username=said["username"], **ids)
