"""How often one may ask: per address, per user, per token, and less often for what is costly.

A limit counts in windows of a minute. Where there is a Redis all processes count together; else,
and while it does not answer, each by itself. A request that is refused has done nothing: limits are
asked before any view runs. `settings.AMENDS_RATES` has the numbers; 0 is no limit.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import Resolver404, resolve
from redis import Redis
from redis.exceptions import RedisError
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from typing_extensions import override

from web.client_address import network_of
from web.error_pages import respond
from web.problems import Problem

WINDOW_SECONDS: Final = 60
#: For so long a Redis that did not answer is not asked.
SILENCE_SECONDS: Final = 5.0
#: Of one process; beyond them it begins anew, which only lets somebody ask more often.
MOST_KEYS: Final = 100_000
_REDIS_SECONDS: Final = 0.2
PREFIX = "amends/rate"
_MET = (301, 302, 303)


class Counts:
    """Counters by key. A key is of one minute, so they go away by themselves."""

    def __init__(self, shared: str) -> None:
        """Count in the Redis of that URL; without one only in this process."""
        self._redis = None
        if shared:
            quick = {"socket_timeout": _REDIS_SECONDS, "socket_connect_timeout": _REDIS_SECONDS}
            self._redis = Redis.from_url(shared, **quick)
        self._silent_until = 0.0
        self._own: dict[str, int] = {}
        self._lock = threading.Lock()

    def asked(self, raised: Sequence[str], read: Sequence[str] = ()) -> list[int]:
        """Count one more for some keys; return how many there are of these and of others."""
        if self._redis is not None and time.monotonic() >= self._silent_until:
            try:
                return self._shared(self._redis, raised, read)
            except RedisError:
                self._silent_until = time.monotonic() + SILENCE_SECONDS
        with self._lock:
            if len(self._own) > MOST_KEYS:
                self._own.clear()
            for key in raised:
                self._own[key] = self._own.get(key, 0) + 1
            return [self._own.get(key, 0) for key in (*raised, *read)]

    def _shared(self, redis: Redis, raised: Sequence[str], read: Sequence[str]) -> list[int]:
        """Ask for all of it in one go."""
        with redis.pipeline(transaction=False) as ask:
            for key in raised:
                ask.incr(key)
            for key in read:
                ask.get(key)
            found = [int(count or 0) for count in ask.execute()]
        for key, count in zip(raised, found, strict=False):
            if count == 1:
                redis.expire(key, 2 * WINDOW_SECONDS)
        return found


counts = Counts(settings.AMENDS_RATES_REDIS)


def wait_of(*asked: tuple[str, str]) -> int:
    """Count a request for each limit and who it is of; return the seconds to wait, 0 to go on."""
    return _wait(counting=asked)


def note_failure(limit: str, who: str) -> int:
    """Count one failure of `who`; return the seconds to wait beyond the limit, else 0."""
    return _wait(counting=[(limit, who)])


def _wait(*, counting: Sequence[tuple[str, str]], looking: Sequence[tuple[str, str]] = ()) -> int:
    raised = [each for each in counting if _most(each[0])]
    read = [each for each in looking if _most(each[0])]
    if not raised and not read:
        return 0
    found = counts.asked([_key(*each) for each in raised], [_key(*each) for each in read])
    # What fails is counted after it did: who stands at the limit has used it up.
    over = [
        count >= _most(limit) + (at < len(raised))
        for at, ((limit, _who), count) in enumerate(zip([*raised, *read], found, strict=True))
    ]
    return _rest() if any(over) else 0


class AddressLimitMiddleware:
    """Refuses what comes from one address too often, and log-ins after too many wrong ones.

    Whoever tries many names from one address is slowed here; who tries one name often, by its lock,
    and sooner. Only log-ins wait: who is signed in, or has a token, goes on at that address.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Count the request; refuse it, or note that a log-in failed."""
        address = network_of(request)
        logs_in = request.method == "POST" and _leads_to_login(request.path_info)
        failures = [("login_failures", address)] if logs_in else []
        wait = _wait(counting=[("address", address)], looking=failures)
        if wait:
            return refused(request, wait)
        response = self._get_response(request)
        if logs_in and response.status_code not in _MET:
            note_failure("login_failures", address)
        return response


class UserLimitMiddleware:
    """Refuses what one signed-in user asks for too often. Stands after who that is is known."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Count the request; without a session cookie there is nobody to ask about."""
        if settings.SESSION_COOKIE_NAME in request.COOKIES and request.user.is_authenticated:
            wait = wait_of(("user", str(request.user.pk)))
            if wait:
                return refused(request, wait)
        return self._get_response(request)


class MemberThrottle(BaseThrottle):
    """Refuses what one token or its user asks of the API too often.

    A view's `rate_limit` names the further limit of its POSTs. Browsers were counted before.
    """

    _wait = 0

    @override
    def allow_request(self, request: Request, view: Any) -> bool:
        user, token = str(getattr(request.user, "pk", "")), getattr(request.auth, "token", "")
        asked = [("token", token), ("user", user)] if token else []
        stricter = getattr(view, "rate_limit", "")
        if stricter and request.method == "POST" and user:
            asked.append((stricter, user))
        self._wait = wait_of(*asked)
        return not self._wait

    @override
    def wait(self) -> float | None:
        return self._wait or None


def _leads_to_login(path: str) -> bool:
    """Return whether a path is the log-in's, below whatever prefix we are."""
    try:
        return resolve(path).view_name == settings.LOGIN_URL
    except Resolver404:
        return False


def refused(request: HttpRequest, wait: int) -> HttpResponse:
    """Answer that there are so many seconds to wait."""
    detail = f"Too many requests. Wait {wait} s and try again; nothing was done."
    return respond(request, Problem(429, "throttled", detail, headers={"Retry-After": str(wait)}))


def _most(limit: str) -> int:
    return int(settings.AMENDS_RATES[limit])


def _key(limit: str, who: str) -> str:
    return f"{PREFIX}/{limit}/{who}/{int(time.time()) // WINDOW_SECONDS}"


def _rest() -> int:
    """Return how many seconds of this window are left."""
    return math.ceil(WINDOW_SECONDS - time.time() % WINDOW_SECONDS) or 1
