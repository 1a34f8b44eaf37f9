"""Capabilities that a deployment declares in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from executions import capability_registry
from executions.capability_file import register_declared
from executions.capability_registry import RetryPolicy
from tests.counting import SECRET
from tests.subprocesses import manage
from tests.world import World

BOOK = """
capabilities:
  - name: seats.book
    url: https://seats.test/book
    secret_env: SEATS_SECRET
    authorization_env: SEATS_TOKEN
    status_url: https://seats.test/calls/{key}
    sandbox_url: https://try.seats.test/book
    output_schema: {type: object, required: [seat]}
    reversibility: compensable
    undone_by: seats.free
    risk: high
    blast_radius: system
    side_effect: idempotent
    images: true
    already_done: [409]
    allowed_roles: [agent]
    compensation: {window: P30D}
    retry: {max_attempts: 3, base_seconds: 2, cap_seconds: 9.5, backoff: fixed, jitter: 0.5}
    limits: {whole: 20}
    wait_seconds: 600
    trial_input: {seat: 1}
  - {name: seats.free, url: "https://seats.test/free", secret_env: SEATS_SECRET}
  - {name: seats.choose, kind: agent, performer: agent, description: Chooses a seat.}
"""


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(capability_registry, "_capabilities", {})
    monkeypatch.setenv("SEATS_SECRET", SECRET)
    monkeypatch.setenv("SEATS_TOKEN", "Bearer abc")


def written(folder: Path, text: str) -> str:
    path = folder / "capabilities.yaml"
    path.write_text(text)
    return str(path)


def test_what_a_file_declares_is_registered(tmp_path: Path) -> None:
    register_declared(written(tmp_path, BOOK))
    assert capability_registry.names() == {"seats.book", "seats.free", "seats.choose"}
    book, choose = capability_registry.get("seats.book"), capability_registry.get("seats.choose")
    assert book is not None
    assert choose is not None
    assert (book.kind, book.risk, book.blast_radius) == ("http", "high", "system")
    assert (book.side_effect, book.undone_by) == ("idempotent", "seats.free")
    assert book.retry == RetryPolicy(3, 2, 9.5, "fixed", 0.5)
    assert (book.max_seconds, book.wait_seconds) == (90, 600)
    assert book.allowed_roles == {"agent"}
    assert book.trial is not None
    assert book.trial.input == {"seat": 1}
    assert None not in {book.handler, book.status, book.later, book.sandbox}
    assert (choose.kind, choose.handler, choose.performer) == ("agent", None, "agent")
    free = capability_registry.get("seats.free")
    assert free is not None
    assert free.retry == RetryPolicy(5, 1, 30, "exponential", 0)
    assert (free.status, free.sandbox, free.trial, free.input_schema) == (
        None, None, None, {"type": "object"},
    )  # fmt: skip


def test_without_a_file_there_is_nothing_more() -> None:
    register_declared("")
    assert capability_registry.names() == frozenset()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("capabilities: [", "cannot be read: "),
        ("a: &a [*a]\ncapabilities: []", "Extra inputs are not permitted"),
        ("[]", "Input should be a valid dictionary"),
        ("capabilities: [{name: x, url: 'https://x/', secret_env: S, colour: red}]", "colour"),
        ("capabilities: [{name: x, url: 'https://x/'}]", "secret_env: Field required"),
        ("capabilities: [{name: a b, url: 'https://x/', secret_env: S}]", "name: "),
        (
            "capabilities: [{name: x, url: 'https://x/', secret_env: MISSING}]",
            "x: MISSING must be set",
        ),
        (
            "capabilities: [{name: x, url: 'ftp://x/', secret_env: SEATS_SECRET}]",
            "x: 'ftp://x/' is no address of http or https",
        ),
        (
            "capabilities: [{name: x, kind: agent, output_schema: {type: no}}]",
            "not a JSON Schema",
        ),
        (
            "capabilities: [{name: x, url: 'https://x/', secret_env: S, retry: {backoff: no}}]",
            "retry/backoff: ",
        ),
        (
            "capabilities: [{name: x, url: 'https://x/', secret_env: S, retry: {jitter: 1.1}}]",
            "retry/jitter: ",
        ),
        ("capabilities: [{name: x, kind: agent}, {name: x, kind: agent}]", "already registered"),
        ("capabilities: [{name: x, kind: agent, risk: huge}]", "x: unknown risk 'huge'"),
    ],
)
def test_a_wrong_file_stops_the_start_and_is_named(tmp_path: Path, text: str, said: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ImproperlyConfigured) as refused:
        register_declared(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert said in str(refused.value)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ImproperlyConfigured, match=r"gone\.yaml: cannot be read"):
        register_declared(str(tmp_path / "gone.yaml"))


def test_the_product_starts_with_it_or_says_why_not(world: World, tmp_path: Path) -> None:
    path = written(tmp_path, BOOK)
    secrets: dict[str, Any] = {"SEATS_SECRET": SECRET, "SEATS_TOKEN": "Bearer abc"}
    good = manage("check", AMENDS_CAPABILITIES=path, **secrets)
    assert good.returncode == 0, good.stderr
    bad = manage("check", AMENDS_CAPABILITIES=path, **{**secrets, "SEATS_TOKEN": ""})
    assert bad.returncode != 0
    assert "seats.book: SEATS_TOKEN must be set in the environment" in bad.stderr
    assert SECRET not in bad.stderr
