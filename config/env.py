"""Typed reading of environment variables.

Every reader names the variable and the rule it broke, so that a wrong start fails at once with a
sentence a person can act on. A variable that is set but empty counts as set: ``REDIS_URL=`` means
"no Redis", which is something else than not saying anything.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from django.core.exceptions import ImproperlyConfigured

if TYPE_CHECKING:
    from collections.abc import Collection


class InvalidEnvironment(ImproperlyConfigured):
    """An environment variable is missing or breaks its rule."""

    def __init__(self, name: str, rule: str) -> None:
        """Keep ``name`` (the variable) and ``rule`` (what it must satisfy) for the message."""
        super().__init__(f"{name}: {rule}")
        self.name = name
        self.rule = rule


_TRUE: Final = frozenset({"1", "true", "yes", "on"})
_FALSE: Final = frozenset({"0", "false", "no", "off"})
_POSTGRES_SCHEMES: Final = frozenset({"postgres", "postgresql"})
_TCP_REDIS_SCHEMES: Final = frozenset({"redis", "rediss"})
_SOCKET_REDIS_SCHEMES: Final = frozenset({"unix", "redis+socket", "socket"})


def is_set(name: str) -> bool:
    """Whether the variable exists, even when it is empty."""
    return name in os.environ


def text(name: str, default: str | None = None) -> str:
    """The value as it stands; ``default`` only when the variable is not set at all.

    Raises InvalidEnvironment when it is neither set nor has a default, or when it has no default
    and is empty.
    """
    value = os.environ.get(name)
    if value is None:
        if default is None:
            raise InvalidEnvironment(name, "must be set")
        return default
    if not value and default is None:
        raise InvalidEnvironment(name, "must not be empty")
    return value


def flag(name: str, *, default: bool | None = None) -> bool:
    """A yes or no: 1 true yes on, or 0 false no off (any case). Empty means no."""
    value = os.environ.get(name)
    if value is None:
        if default is None:
            raise InvalidEnvironment(name, "must be set to 1 or 0")
        return default
    word = value.strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE or not word:
        return False
    raise InvalidEnvironment(name, f"must be one of 1 true yes on 0 false no off, not {value!r}")


def integer(
    name: str,
    default: int | None = None,
    *,
    minimum: int | None = None,
    maximum: int | None = None,
) -> int:
    """A whole decimal number between ``minimum`` and ``maximum``, both included."""
    value = os.environ.get(name)
    if value is None:
        if default is None:
            raise InvalidEnvironment(name, "must be set to a whole number")
        return default
    try:
        number = int(value)
    except ValueError as error:
        raise InvalidEnvironment(name, f"must be a whole number, not {value!r}") from error
    if minimum is not None and number < minimum:
        raise InvalidEnvironment(name, f"must be at least {minimum}, not {number}")
    if maximum is not None and number > maximum:
        raise InvalidEnvironment(name, f"must be at most {maximum}, not {number}")
    return number


def names(name: str, default: Collection[str] | None = None) -> list[str]:
    """A comma-separated list, blanks around each name dropped; set but empty is an empty list."""
    value = os.environ.get(name)
    if value is None:
        if default is None:
            raise InvalidEnvironment(name, "must be set to names separated by commas")
        return list(default)
    return [part.strip() for part in value.split(",") if part.strip()]


def choice(name: str, choices: Collection[str], default: str | None = None) -> str:
    """One of ``choices``, spelled exactly."""
    value = text(name, default)
    if value not in choices:
        allowed = " ".join(sorted(choices))
        raise InvalidEnvironment(name, f"must be one of {allowed}, not {value!r}")
    return value


def url(name: str, schemes: Collection[str], default: str | None = None) -> str:
    """An absolute URL with one of ``schemes``. Never repeats the value: it may hold a password."""
    value = text(name, default)
    if urlsplit(value).scheme not in schemes:
        raise InvalidEnvironment(name, f"must be a URL starting with {_listed(schemes)}")
    return value


def database(value: str, *, name: str = "DATABASE_URL") -> dict[str, object]:
    """A ``postgres://`` URL as one entry of Django's DATABASES.

    The host may be a socket folder: percent-encoded before the path, or as ``?host=/folder``, both
    as libpq reads them. Other query parameters (``sslmode``, ``options`` …) become OPTIONS.
    ``name`` is the variable named when the URL is refused.
    """
    parts = urlsplit(value)
    if parts.scheme not in _POSTGRES_SCHEMES:
        raise InvalidEnvironment(name, f"must be a URL starting with {_listed(_POSTGRES_SCHEMES)}")
    # Read by hand: urlsplit lowers the case of the host, and a socket folder has a case.
    credentials, _, address = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    host, port = _host_and_port(address, name)
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    database_name = unquote(parts.path.removeprefix("/")) or options.pop("dbname", "")
    if not database_name:
        raise InvalidEnvironment(name, "must name a database after the host")
    entry: dict[str, object] = {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": database_name,
        "USER": options.pop("user", unquote(user)),
        "PASSWORD": options.pop("password", unquote(password)),
        "HOST": options.pop("host", host),
        "PORT": options.pop("port", port),
    }
    # Values travel apart from the text and a repeated statement is planned once: a verb's time is
    # mostly planning otherwise. A pooler between us and the server must support prepared
    # statements.
    entry["OPTIONS"] = {"server_side_binding": True, "prepare_threshold": 2, **options}
    return entry


@dataclass(frozen=True, kw_only=True)
class RedisUrls:
    """One Redis, spelled for the two libraries that talk to it."""

    #: Broker URL for Celery (kombu), which reads the database of a socket as ``virtual_host``.
    celery: str
    #: URL for redis-py and Django's cache, which read it as ``db``.
    client: str


def redis_urls(value: str, *, name: str = "REDIS_URL") -> RedisUrls:
    """Translate one Redis URL into what Celery and redis-py each want.

    Accepted: ``unix:///socket?db=0``, ``redis+socket:///socket?virtual_host=0`` (``db`` works too)
    and ``redis://`` or ``rediss://`` with host, port and database, which both read alike. Raises
    InvalidEnvironment for anything else, the empty string included.
    """
    parts = urlsplit(value)
    if parts.scheme in _TCP_REDIS_SCHEMES:
        if not parts.hostname:
            raise InvalidEnvironment(name, "must name a host")
        return RedisUrls(celery=value, client=value)
    if parts.scheme not in _SOCKET_REDIS_SCHEMES:
        schemes = _TCP_REDIS_SCHEMES | {"unix", "redis+socket"}
        raise InvalidEnvironment(name, f"must be a URL starting with {_listed(schemes)}")
    if not parts.path.strip("/"):
        raise InvalidEnvironment(name, "must name the socket's path")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    number = options.pop("virtual_host", None) or options.pop("db", None) or "0"
    options.pop("db", None)
    if not number.isdecimal():
        raise InvalidEnvironment(name, f"must name the database by a number, not {number!r}")
    path = quote(unquote(parts.path))
    rest = f"&{urlencode(options)}" if options else ""
    return RedisUrls(
        celery=f"redis+socket://{parts.netloc}{path}?virtual_host={number}{rest}",
        client=f"unix://{parts.netloc}{path}?db={number}{rest}",
    )


def _host_and_port(address: str, name: str) -> tuple[str, str]:
    """Split ``host:port``, where host may be ``[::1]`` or a percent-encoded socket folder."""
    if address.startswith("["):
        host, _, rest = address[1:].partition("]")
        port = rest.removeprefix(":")
    else:
        host, _, port = address.partition(":")
    if port and not port.isdecimal():
        raise InvalidEnvironment(name, "must have a number as port")
    return unquote(host), port


def _listed(schemes: Collection[str]) -> str:
    """Schemes as they look in a URL, for a message."""
    return " or ".join(f"{scheme}://" for scheme in sorted(schemes))
