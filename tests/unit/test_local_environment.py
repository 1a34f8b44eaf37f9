"""Reading the environment: a refusal names the variable and the rule it broke."""

from __future__ import annotations

from typing import Any

import pytest

from config import env
from config.database_limits import Limits

CHOSEN = {
    "AMENDS_SECRET_KEY": "a secret",
    "AMENDS_ALLOWED_HOSTS": "amends.example",
    "AMENDS_PUBLIC_URL": "https://amends.example",
    "AMENDS_TRUSTED_PROXIES": "",
    "AMENDS_LEDGER_KEY": "/etc/amends/ledger-key.pem",
}
EVERYBODY = ["0.0.0.0/0", "::/0", "unix, 0.0.0.0/1, 128.0.0.0/1", "10.0.0.1, 2000::/3"]
NOT_EVERYBODY = "must name the proxies, not everybody: no network larger than /7"
NOT_ALL = "must name networks, not all there is: none larger than /7"
WITHOUT_HOST = [
    "https://",
    "https:///x",
    "https://:443",
    "http://[::1",
    "https://a:x",
    "http://a?b",
]
WITH_HOST = "must be a URL with a host, such as https://amends.example"


@pytest.fixture
def deployment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """An environment in which a deployment would start, and nothing else is said."""
    for name in env.Deployment.model_fields:
        monkeypatch.delenv(name, raising=False)
    for name, value in CHOSEN.items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("AMENDS_SECRET_KEY", "x y", "x y"),
        ("AMENDS_EMAIL_FROM", None, "amends@localhost"),
        ("AMENDS_EMAIL_FROM", "", ""),
        ("REDIS_URL", None, None),
        ("REDIS_URL", "", ""),
        ("DATABASE_URL", None, None),
        ("DATABASE_URL", "", ""),
        ("AMENDS_DEBUG", " Yes ", True),
        ("AMENDS_SSL_REDIRECT", "0", False),
        ("AMENDS_SSL_REDIRECT", "OFF", False),
        ("AMENDS_SSL_REDIRECT", "", False),
        ("AMENDS_SSL_REDIRECT", None, True),
        ("AMENDS_DEMO", None, False),
        ("AMENDS_EMAIL_PORT", "42", 42),
        ("AMENDS_EMAIL_PORT", None, 25),
        ("AMENDS_ALLOWED_HOSTS", " a, b ,,c", ["a", "b", "c"]),
        ("AMENDS_TRUSTED_ORIGINS", None, []),
        ("AMENDS_TRUSTED_ORIGINS", "", []),
        ("AMENDS_DB_ROLE", None, "app"),
        ("AMENDS_DB_ROLE", "owner", "owner"),
        ("AMENDS_PUBLIC_URL", "https://x/", "https://x/"),
        ("AMENDS_TRUSTED_PROXIES", None, []),
        (
            "AMENDS_TRUSTED_PROXIES",
            "unix, 10.0.0.1, 10.1.0.0/16, fd00::/8",
            ["unix", "10.0.0.1/32", "10.1.0.0/16", "fd00::/8"],
        ),
        ("AMENDS_EGRESS_ALLOW", None, []),
        ("AMENDS_EGRESS_ALLOW", "10.0.0.1, fd00::/8", ["10.0.0.1/32", "fd00::/8"]),
    ],
)
def test_a_value_is_read(
    deployment: pytest.MonkeyPatch, name: str, value: str | None, expected: object
) -> None:
    if value is not None:
        deployment.setenv(name, value)
    assert getattr(env.read(env.Deployment), name) == expected


@pytest.mark.parametrize(
    ("name", "value", "rule"),
    [
        ("AMENDS_SECRET_KEY", None, "must be set"),
        ("AMENDS_SECRET_KEY", "", "must not be empty"),
        ("AMENDS_ALLOWED_HOSTS", None, "must be set"),
        (
            "AMENDS_SSL_REDIRECT",
            "maybe",
            "must be one of 1 true yes on 0 false no off, not 'maybe'",
        ),
        ("AMENDS_EMAIL_PORT", "4.2", "must be a whole number, not '4.2'"),
        ("AMENDS_EMAIL_PORT", "{x}", "must be a whole number, not '{x}'"),
        ("AMENDS_EMAIL_PORT", "0", "must be at least 1, not 0"),
        ("AMENDS_EMAIL_PORT", "65536", "must be at most 65535, not 65536"),
        ("AMENDS_DB_ROLE", "c", "must be 'app' or 'owner', not 'c'"),
        ("AMENDS_PUBLIC_URL", None, "must be set"),
        ("AMENDS_TRUSTED_PROXIES", None, "must be set"),
        ("AMENDS_LEDGER_KEY", None, "must be set"),
        ("AMENDS_LEDGER_KEY", "", "must not be empty"),
        (
            "AMENDS_LEDGER_ORIGIN",
            "https://amends example",
            "must be a name such as amends.example, without scheme, blanks or plus",
        ),
        ("AMENDS_SEAL_SECONDS", "-1", "must be at least 0, not -1"),
        (
            "AMENDS_TRUSTED_PROXIES",
            "10.0.0.1/8",
            "must list addresses and networks, such as 10.0.0.0/8, or unix",
        ),
        *(("AMENDS_TRUSTED_PROXIES", each, NOT_EVERYBODY) for each in EVERYBODY),
        *(("AMENDS_PUBLIC_URL", each, WITH_HOST) for each in WITHOUT_HOST),
        ("AMENDS_EGRESS_ALLOW", "unix", "must list addresses and networks, such as 10.0.0.0/8"),
        *(("AMENDS_EGRESS_ALLOW", each, NOT_ALL) for each in ("0.0.0.0/0", "10.0.0.1, ::/3")),
        ("AMENDS_ALLOWED_HOSTS", "", "must name at least one"),
        ("AMENDS_ALLOWED_HOSTS", " , ", "must name at least one"),
        ("AMENDS_PUBLIC_URL", "secret", "must be a URL starting with http:// or https://"),
        ("AMENDS_PUBLIC_URL", "", "must be a URL starting with http:// or https://"),
    ],
)
def test_a_wrong_value_is_refused_by_name_and_rule(
    deployment: pytest.MonkeyPatch, name: str, value: str | None, rule: str
) -> None:
    deployment.delenv(name, raising=False)
    if value is not None:
        deployment.setenv(name, value)
    with pytest.raises(env.InvalidEnvironment) as refusal:
        env.read(env.Deployment)
    assert str(refusal.value) == f"{name}: {rule}"
    assert refusal.value.__context__ is None


def test_the_database_is_that_of_the_role(deployment: pytest.MonkeyPatch) -> None:
    deployment.setenv("DATABASE_URL", "postgres://app@h/a")
    assert env.read(env.Environment).database_url == "postgres://app@h/a"
    deployment.setenv("AMENDS_DB_ROLE", "owner")
    assert env.read(env.Environment).database_url == ""
    deployment.setenv("DATABASE_OWNER_URL", "postgres://owner@h/a")
    assert env.read(env.Environment).database_url == "postgres://owner@h/a"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "postgres://amends_web:p%40ss@db.example:5433/amends?sslmode=require",
            {
                "NAME": "amends",
                "USER": "amends_web",
                "PASSWORD": "p@ss",
                "HOST": "db.example",
                "PORT": "5433",
                "OPTIONS": {"sslmode": "require"},
            },
        ),
        (
            "postgresql://amends_web:secret@/amends?host=%2Fvar%2FSockets",
            {
                "NAME": "amends",
                "USER": "amends_web",
                "PASSWORD": "secret",
                "HOST": "/var/Sockets",
                "PORT": "",
            },
        ),
        (
            "postgres://me@%2Fvar%2FRun/a%20name",
            {"NAME": "a name", "USER": "me", "PASSWORD": "", "HOST": "/var/Run", "PORT": ""},
        ),
        (
            "postgres://[::1]:5432/amends",
            {"NAME": "amends", "USER": "", "PASSWORD": "", "HOST": "::1", "PORT": "5432"},
        ),
    ],
    ids=["tcp", "socket-in-query", "socket-as-host", "ipv6"],
)
def test_a_database_url_becomes_djangos_entry(url: str, expected: dict[str, Any]) -> None:
    assert env.database(url, limits=Limits(1, 2.5, 0.001)) == {
        "ENGINE": "ledger.postgresql",
        **expected,
        "OPTIONS": {
            "server_side_binding": True,
            "prepare_threshold": None,
            "options": "-c lock_timeout=1000 -c statement_timeout=2500"
            " -c idle_in_transaction_session_timeout=1",
            **expected.get("OPTIONS", {}),
        },
    }


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("", "must be set"),
        ("postgres://me:pw@h/a?nonsense=1", "must be a URL that PostgreSQL's own tools read"),
        ("mysql://x/y", "must be a URL starting with postgres:// or postgresql://"),
        ("postgres://host/", "must name a database after the host"),
        ("postgres://host:secret/amends", "must have a number as port"),
    ],
    ids=["empty", "parameter", "scheme", "database", "port"],
)
def test_a_database_url_that_is_none_is_refused_without_repeating_it(url: str, rule: str) -> None:
    with pytest.raises(env.InvalidEnvironment) as refusal:
        env.database(url, limits=Limits(1, 1, 1), name="DATABASE_OWNER_URL")
    assert str(refusal.value) == f"DATABASE_OWNER_URL: {rule}"


@pytest.mark.parametrize(
    ("url", "celery", "client"),
    [
        (
            "unix:///tmp/a%20b/redis.sock?db=3",
            "redis+socket:///tmp/a%20b/redis.sock?virtual_host=3",
            "unix:///tmp/a%20b/redis.sock?db=3",
        ),
        (
            "redis+socket:///tmp/redis.sock?virtual_host=2",
            "redis+socket:///tmp/redis.sock?virtual_host=2",
            "unix:///tmp/redis.sock?db=2",
        ),
        (
            "unix:///tmp/redis.sock",
            "redis+socket:///tmp/redis.sock?virtual_host=0",
            "unix:///tmp/redis.sock?db=0",
        ),
        ("redis://h:6380/1", "redis://h:6380/1", "redis://h:6380/1"),
        ("rediss://:pw@h/0", "rediss://:pw@h/0", "rediss://:pw@h/0"),
    ],
    ids=["unix", "celerys", "no-number", "tcp", "tls"],
)
def test_one_redis_url_is_spelled_for_both_libraries(url: str, celery: str, client: str) -> None:
    assert env.redis_urls(url) == env.RedisUrls(celery=celery, client=client)


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("", "must be a URL starting with redis:// or redis+socket:// or rediss:// or unix://"),
        (
            "http://x",
            "must be a URL starting with redis:// or redis+socket:// or rediss:// or unix://",
        ),
        ("redis:///0", "must name a host"),
        ("unix://?db=0", "must name the socket's path"),
        ("unix:///s?db=x", "must name the database by a number, not 'x'"),
    ],
    ids=["empty", "scheme", "host", "path", "number"],
)
def test_a_redis_url_that_is_none_is_refused(url: str, rule: str) -> None:
    with pytest.raises(env.InvalidEnvironment) as refusal:
        env.redis_urls(url)
    assert str(refusal.value) == f"REDIS_URL: {rule}"
