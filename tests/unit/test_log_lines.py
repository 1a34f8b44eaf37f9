"""Nobody forges a log line: neither with a path nor with the message of a fault."""

from __future__ import annotations

import io
import logging
import sys

import pytest
from django.test import Client

from tools.localstack.terminal import Console
from web.log_lines import LineFormatter, printable

FORGED = "/\nERROR the ledger is empty\x1b[2J\r\x85\u2028\u202e\ud800"
ESCAPED = r"/\nERROR the ledger is empty\x1b[2J\r\x85\u2028\u202e\ud800"


def record(message: str, *args: object, fault: bool = False) -> logging.LogRecord:
    trace = sys.exc_info() if fault else None
    return logging.LogRecord("axes", logging.WARNING, "", 1, message, args, trace)


def test_a_record_is_one_line() -> None:
    assert printable(FORGED) == ESCAPED
    told = LineFormatter("%(levelname)s %(message)s").format(record("Not found: %s", FORGED))
    assert told == f"WARNING Not found: {ESCAPED}"
    assert printable("Größe 5 €") == "Größe 5 €"


def test_a_traceback_is_indented_whatever_the_fault_says() -> None:
    try:
        int(FORGED.replace("\ud800", ""))
    except ValueError:
        broken = record("it broke", fault=True)
    broken.exc_text = "kept by another\nERROR forged"
    first, *others = LineFormatter("%(levelname)s %(message)s").format(broken).split("\n")
    assert first == "WARNING it broke"
    assert [line for line in others if not line.startswith("    ")] == []
    assert any("the ledger is empty" in line for line in others)
    assert not any("kept by another" in line for line in others)
    assert broken.exc_text == "kept by another\nERROR forged"


def test_a_path_forges_no_line_of_ours(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """All that this process says goes through the one handler that writes such lines."""
    [handler] = [
        each for each in logging.getLogger().handlers if type(each) is logging.StreamHandler
    ]
    assert isinstance(handler.formatter, LineFormatter)
    assert logging.getLogger("django").handlers == []
    printed = io.StringIO()
    monkeypatch.setattr(handler, "stream", printed)
    # By its own method: a logger remembers what it was asked before.
    caplog.set_level(logging.WARNING, logger="django.request")
    assert Client().get("/nowhere%0aERROR%20forged%1b[2J").status_code == 404
    [line] = printed.getvalue().splitlines()
    assert "ERROR forged" in line
    assert "\x1b" not in line


def test_the_local_servers_terminal_obeys_no_line(capsys: pytest.CaptureFixture[str]) -> None:
    Console().line("web", "GET /\x1b]0;owned\x07\x9b2J 404\tms")
    assert capsys.readouterr().out == "web      | GET /\\x1b]0;owned\\x07\\x9b2J 404\tms\n"
