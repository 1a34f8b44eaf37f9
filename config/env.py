"""The environment, as typed settings.

What is wrong is said by naming the variable and the rule it broke, so that a wrong start fails at
once with a sentence a person can act on. A variable that is set but empty counts as set:
``REDIS_URL=`` means "no Redis", which is something else than not saying anything.
"""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from ipaddress import ip_network
from typing import TYPE_CHECKING, Annotated, Final, Literal, TypeVar
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

import psycopg
from django.core.exceptions import ImproperlyConfigured
from psycopg.conninfo import conninfo_to_dict
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from config.database_limits import LIMITS, Limits
from ledger.tree.cosignatures import NoWitness, Witness, read_witness

if TYPE_CHECKING:
    from collections.abc import Collection


class InvalidEnvironment(ImproperlyConfigured):
    """An environment variable is missing or breaks its rule."""

    def __init__(self, name: str, rule: str) -> None:
        """Keep ``name`` (the variable) and ``rule`` (what it must satisfy) for the message."""
        super().__init__(f"{name}: {rule}")
        self.name = name
        self.rule = rule


_POSTGRES_SCHEMES: Final = frozenset({"postgres", "postgresql"})
_TCP_REDIS_SCHEMES: Final = frozenset({"redis", "rediss"})
_SOCKET_REDIS_SCHEMES: Final = frozenset({"unix", "redis+socket", "socket"})


# Of a network of proxies: the largest private one (fc00::/7) has it.
_LEAST_PREFIX: Final = 7
_ORIGIN: Final = re.compile(r"[A-Za-z0-9._:/-]*")

_RULES: Final = {
    "missing": "must be set",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "must be a URL starting with http:// or https://",
    "literal_error": "must be {expected}, not {given!r}",
    "bool_parsing": "must be one of 1 true yes on 0 false no off, not {given!r}",
    "int_parsing": "must be a whole number, not {given!r}",
    "greater_than_equal": "must be at least {ge}, not {given}",
    "less_than_equal": "must be at most {le}, not {given}",
}

#: A yes or no; empty means no.
Flag = Annotated[bool, BeforeValidator(lambda value: value.strip() or "0")]
#: Separated by commas, blanks around each dropped; set but empty is an empty list.
Names = Annotated[
    list[str],
    NoDecode,
    BeforeValidator(lambda value: [part.strip() for part in value.split(",") if part.strip()]),
]


def _broken(rule: str) -> PydanticCustomError:
    return PydanticCustomError("rule", "{rule}", {"rule": rule})


def _witnesses(given: list[str]) -> list[Witness]:
    try:
        found = [read_witness(each) for each in given]
    except NoWitness as wrong:
        raise _broken(str(wrong)) from None
    if len({each.name for each in found}) != len(found):
        raise _broken("must name each witness once")
    return found


#: Those to whom checkpoints are shown, separated by commas.
Witnesses = Annotated[
    list[Witness],
    NoDecode,
    BeforeValidator(lambda value: _witnesses([part for part in value.split(",") if part.strip()])),
]


def _networks(given: list[str]) -> list[str]:
    """Read addresses and networks in one spelling."""
    try:
        found = {each: ip_network(each) for each in given if each != "unix"}
    except ValueError:
        raise _broken("must list addresses and networks, such as 10.0.0.0/8, or unix") from None
    if any(network.prefixlen < _LEAST_PREFIX for network in found.values()):
        raise _broken("must name the proxies, not everybody: no network larger than /7")
    return [str(found.get(each, each)) for each in given]


def _allowed(given: list[str]) -> list[str]:
    """Read networks that may be called though they are not public, in one spelling."""
    try:
        found = [ip_network(each) for each in given]
    except ValueError:
        raise _broken("must list addresses and networks, such as 10.0.0.0/8") from None
    if any(network.prefixlen < _LEAST_PREFIX for network in found):
        raise _broken("must name networks, not all there is: none larger than /7")
    return [str(each) for each in found]


def _with_host(given: str) -> str:
    try:
        parts = urlsplit(given)
        complete = parts.hostname and parts.port != 0 and not parts.query and not parts.fragment
    except ValueError:
        complete = False
    if not complete:
        raise _broken("must be a URL with a host, such as https://amends.example")
    return given


def _some(given: list[str]) -> list[str]:
    if not given:
        raise _broken("must name at least one")
    return given


def _origin(given: str) -> str:
    if not _ORIGIN.fullmatch(given):
        raise _broken("must be a name such as amends.example, without scheme, blanks or plus")
    return given


#: Addresses and networks of proxies; `unix`: whoever connects to the server's own socket.
Networks = Annotated[Names, AfterValidator(_networks)]
#: Networks that may be called though they are not public.
Allowed = Annotated[Names, AfterValidator(_allowed)]
Text = Annotated[str, Field(min_length=1)]
WebAddress = Annotated[str, Field(pattern="^(?i:https?)://"), AfterValidator(_with_host)]


Rate = Annotated[int, Field(ge=0)]
#: A name without scheme, blanks or plus, as keys of signed notes have it.
Origin = Annotated[str, AfterValidator(_origin)]


class Environment(BaseSettings):
    """Every variable that is read, by its own name; None where it matters that it is not set."""

    model_config = SettingsConfigDict(case_sensitive=True, frozen=True, validate_default=False)

    DATABASE_URL: str | None = None
    DATABASE_OWNER_URL: str = ""
    REDIS_URL: str | None = None
    #: Where Celery's messages go, where that is not Redis: `amqp://…` for RabbitMQ.
    AMENDS_BROKER_URL: str = ""
    AMENDS_DB_ROLE: Literal["app", "owner"] = "app"
    #: What the process is for, which `config.wsgi` says of itself: see `config.database_limits`.
    AMENDS_PROCESS: Literal["web", "work"] = "work"
    AMENDS_DEBUG: Flag = False
    AMENDS_DEMO: Flag = True
    #: Networks that calls may go to though they are not public.
    AMENDS_EGRESS_ALLOW: Allowed = []
    #: The file that lists the capabilities of other programs, and how they are called.
    AMENDS_CAPABILITIES: str = ""
    #: The folder of files that people attach.
    AMENDS_FILES: str = ""
    AMENDS_PUBLIC_URL: WebAddress | None = None
    #: The file of the keys that checkpoints of the ledger are signed with.
    AMENDS_LEDGER_KEY: str = ""
    #: What the names of the ledger's trees begin with: a host, as a rule.
    AMENDS_LEDGER_ORIGIN: Origin = ""
    #: The directory outside that checkpoints are kept in.
    AMENDS_ANCHOR_DIR: str = ""
    #: How long an entry waits for others before it is sealed with them.
    AMENDS_SEAL_SECONDS: Annotated[int, Field(ge=0, le=86_400)] = 5
    #: Whom checkpoints are shown to: verifier key and address of each.
    AMENDS_WITNESSES: Witnesses = []
    #: How long at least lies between two requests about one tree: to a witness, to the authority.
    AMENDS_WITNESS_SECONDS: Annotated[int, Field(ge=0, le=86_400)] = 60
    AMENDS_TIMESTAMP_SECONDS: Annotated[int, Field(ge=0, le=366 * 86_400)] = 3600
    #: An authority of time stamps, and the certificates by which its answers are believed.
    AMENDS_TIMESTAMP_URL: str = ""
    AMENDS_TIMESTAMP_CA: str = ""
    #: How old an event from outside may be: a week, unless said otherwise.
    AMENDS_EVENT_WINDOW_SECONDS: Annotated[int, Field(ge=60, le=366 * 86_400)] = 7 * 86_400
    #: From when the law applies that reports cite: see `audit.compliance.citations`.
    AMENDS_AI_ACT_ANNEX_III_FROM: dt.date = dt.date(2027, 12, 2)
    AMENDS_AI_ACT_ANNEX_I_FROM: dt.date = dt.date(2028, 8, 2)
    AMENDS_GDPR_FROM: dt.date = dt.date(2018, 5, 25)
    #: Requests a minute, and failures a minute; 0 is no limit.
    AMENDS_RATE_ADDRESS: Rate = 12_000
    AMENDS_RATE_USER: Rate = 6_000
    AMENDS_RATE_TOKEN: Rate = 6_000
    AMENDS_RATE_DEFINITIONS: Rate = 120
    AMENDS_RATE_PACKS: Rate = 30
    AMENDS_RATE_LOGIN_FAILURES: Rate = 20
    AMENDS_RATE_UNKNOWN_TOKENS: Rate = 60
    AMENDS_SECRET_KEY: str = ""
    AMENDS_TRUSTED_PROXIES: Networks = []
    AMENDS_URL: str = ""

    @property
    def rates(self) -> dict[str, int]:
        """The limits by name, in lower case."""
        prefix = "AMENDS_RATE_"
        return {
            name.removeprefix(prefix).lower(): getattr(self, name)
            for name in type(self).model_fields
            if name.startswith(prefix)
        }

    @property
    def as_owner(self) -> bool:
        """Whether to connect as the role that owns the tables."""
        return self.AMENDS_DB_ROLE == "owner"

    @property
    def database_url(self) -> str:
        """The URL for the role; empty where none is said."""
        return (self.DATABASE_OWNER_URL if self.as_owner else self.DATABASE_URL) or ""

    @property
    def limits(self) -> Limits:
        """How long a connection of this process may wait and work."""
        return LIMITS["owner" if self.as_owner else self.AMENDS_PROCESS]


class Deployment(Environment):
    """What a deployment must choose, and what it may."""

    AMENDS_SECRET_KEY: Text
    AMENDS_ALLOWED_HOSTS: Annotated[Names, AfterValidator(_some)]
    #: Links in messages begin with it: a guessed one would lead people elsewhere.
    AMENDS_PUBLIC_URL: WebAddress
    #: Empty where clients connect directly. Never guessed: per-address limits go by it.
    AMENDS_TRUSTED_PROXIES: Networks
    #: Checkpoints that nobody keeps the key of prove nothing.
    AMENDS_LEDGER_KEY: Text
    AMENDS_TRUSTED_ORIGINS: Names = []
    AMENDS_DEMO: Flag = False
    AMENDS_SSL_REDIRECT: Flag = True
    AMENDS_EMAIL_HOST: str = "localhost"
    AMENDS_EMAIL_PORT: Annotated[int, Field(ge=1, le=65_535)] = 25
    AMENDS_EMAIL_FROM: str = "amends@localhost"


Settings = TypeVar("Settings", bound=BaseSettings)


def read(settings: type[Settings]) -> Settings:
    """Return the settings as the environment has them now. Raises InvalidEnvironment."""
    try:
        return settings()
    except ValidationError as refused:
        first = refused.errors()[0]
    # Outside of the clause: the library's own words repeat the value, which may be a secret.
    rule = _RULES.get(first["type"], first["msg"])
    bounds = {**first.get("ctx", {}), "given": first["input"]}
    raise InvalidEnvironment(str(first["loc"][0]), rule.format_map(bounds))


def database(value: str, *, limits: Limits, name: str = "DATABASE_URL") -> dict[str, object]:
    """A ``postgres://`` URL as one entry of Django's DATABASES, read as libpq reads it.

    Query parameters (``sslmode``, ``options`` …) become OPTIONS; its own ``options`` decide over
    ``limits``. ``name`` is the variable named when the URL is refused; its value never is: it may
    hold a password.
    """
    if not value:
        raise InvalidEnvironment(name, "must be set")
    if urlsplit(value).scheme not in _POSTGRES_SCHEMES:
        raise InvalidEnvironment(name, f"must be a URL starting with {_listed(_POSTGRES_SCHEMES)}")
    try:
        said = conninfo_to_dict(value)
    except psycopg.ProgrammingError:
        raise InvalidEnvironment(name, "must be a URL that PostgreSQL's own tools read") from None
    if "dbname" not in said:
        raise InvalidEnvironment(name, "must name a database after the host")
    if not str(said.get("port", 0)).isdecimal():
        raise InvalidEnvironment(name, "must have a number as port")
    said["options"] = f"{limits.options()} {said.get('options') or ''}".rstrip()
    return {
        "ENGINE": "ledger.postgresql",
        "NAME": said.pop("dbname"),
        **{key.upper(): said.pop(key, "") for key in ("user", "password", "host", "port")},
        # Values travel apart from the text. What verbs and handlers send is prepared by
        # `ledger.statements` (a pooler between us and the server must support that), and nothing by
        # the driver, which would forget all that is when a savepoint is rolled back.
        "OPTIONS": {"server_side_binding": True, "prepare_threshold": None, **said},
    }


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


def _listed(schemes: Collection[str]) -> str:
    """Schemes as they look in a URL, for a message."""
    return " or ".join(f"{scheme}://" for scheme in sorted(schemes))
