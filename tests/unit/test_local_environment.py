"""Reading the environment: each reader names the variable and the rule it broke."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from config import env


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (lambda: env.text("A_NAME"), "x y", "x y"),
        (lambda: env.text("A_NAME", default="d"), None, "d"),
        (lambda: env.text("A_NAME", default="d"), "", ""),
        (lambda: env.flag("A_NAME"), "Yes", True),
        (lambda: env.flag("A_NAME", default=True), "0", False),
        (lambda: env.flag("A_NAME", default=True), "", False),
        (lambda: env.flag("A_NAME", default=True), None, True),
        (lambda: env.integer("A_NAME"), "42", 42),
        (lambda: env.integer("A_NAME", 7), None, 7),
        (lambda: env.names("A_NAME"), " a, b ,,c", ["a", "b", "c"]),
        (lambda: env.names("A_NAME", ["d"]), None, ["d"]),
        (lambda: env.names("A_NAME", ["d"]), "", []),
        (lambda: env.choice("A_NAME", ("app", "owner"), "app"), None, "app"),
        (lambda: env.choice("A_NAME", ("app", "owner"), "app"), "owner", "owner"),
        (lambda: env.url("A_NAME", ("https",)), "https://x/", "https://x/"),
    ],
    ids=lambda value: repr(value) if not callable(value) else "read",
)
def test_a_value_is_read(
    monkeypatch: pytest.MonkeyPatch,
    read: Callable[[], object],
    value: str | None,
    expected: object,
) -> None:
    monkeypatch.delenv("A_NAME", raising=False)
    if value is not None:
        monkeypatch.setenv("A_NAME", value)
    assert read() == expected


@pytest.mark.parametrize(
    ("read", "value", "message"),
    [
        (lambda: env.text("A_NAME"), None, "A_NAME: must be set"),
        (lambda: env.text("A_NAME"), "", "A_NAME: must not be empty"),
        (lambda: env.flag("A_NAME"), None, "A_NAME: must be set to 1 or 0"),
        (
            lambda: env.flag("A_NAME"),
            "maybe",
            "A_NAME: must be one of 1 true yes on 0 false no off, not 'maybe'",
        ),
        (lambda: env.integer("A_NAME"), "4.2", "A_NAME: must be a whole number, not '4.2'"),
        (lambda: env.integer("A_NAME", minimum=1), "0", "A_NAME: must be at least 1, not 0"),
        (lambda: env.integer("A_NAME", maximum=9), "10", "A_NAME: must be at most 9, not 10"),
        (lambda: env.names("A_NAME"), None, "A_NAME: must be set to names separated by commas"),
        (lambda: env.choice("A_NAME", ("b", "a")), "c", "A_NAME: must be one of a b, not 'c'"),
        (
            lambda: env.url("A_NAME", ("https", "http")),
            "secret",
            "A_NAME: must be a URL starting with http:// or https://",
        ),
    ],
    ids=lambda value: repr(value) if not callable(value) else "read",
)
def test_a_wrong_value_is_refused_by_name_and_rule(
    monkeypatch: pytest.MonkeyPatch, read: Callable[[], object], value: str | None, message: str
) -> None:
    monkeypatch.delenv("A_NAME", raising=False)
    if value is not None:
        monkeypatch.setenv("A_NAME", value)
    with pytest.raises(env.InvalidEnvironment) as refusal:
        read()
    assert str(refusal.value) == message


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
    assert env.database(url) == {
        "ENGINE": "django.db.backends.postgresql",
        **expected,
        "OPTIONS": {
            "server_side_binding": True,
            "prepare_threshold": 2,
            **expected.get("OPTIONS", {}),
        },
    }


@pytest.mark.parametrize(
    ("url", "rule"),
    [
        ("mysql://x/y", "must be a URL starting with postgres:// or postgresql://"),
        ("postgres://host/", "must name a database after the host"),
        ("postgres://host:secret/amends", "must have a number as port"),
    ],
    ids=["scheme", "database", "port"],
)
def test_a_database_url_that_is_none_is_refused_without_repeating_it(url: str, rule: str) -> None:
    with pytest.raises(env.InvalidEnvironment) as refusal:
        env.database(url, name="DATABASE_OWNER_URL")
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
