"""What `make run` says while it starts: what it is doing, and last who can log in."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tools.localstack import prepare
from tools.localstack.greeting import Greeting
from tools.localstack.terminal import Console


def test_whoever_waits_hears_what_for(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    with console.busy("demo", "loading the demo", seconds=0.02):
        for _ in range(1_000):
            if capsys.readouterr().out.startswith("demo     | still loading the demo ("):
                break
            threading.Event().wait(0.01)
        else:
            pytest.fail("nothing was said")


def test_nothing_is_said_beside_what_speaks_itself(capsys: pytest.CaptureFixture[str]) -> None:
    console = Console()
    with console.busy("demo", "loading the demo", seconds=60):
        console.line("demo", "made ten people")
    assert capsys.readouterr().out == "demo     | made ten people\n"


def test_every_step_of_a_start_has_words() -> None:
    source = Path(prepare.__file__).read_text("utf-8")
    parts = {line.split('"')[1] for line in source.splitlines() if "self._manage(" in line}
    assert parts == set(prepare.DOING)


class Clock:
    """A console and a time of which the test says how late it is."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        self.spoke_at = 100.0
        self.told: list[str] = []
        monkeypatch.setattr(time, "monotonic", lambda: self.now)

    def silent_for(self) -> float:
        """Seconds since something was printed."""
        return self.now - self.spoke_at

    def plain(self, text: str) -> None:
        """Print."""
        self.told.append(text)
        self.spoke_at = self.now


def test_who_can_log_in_is_said_last_once_the_parts_are_quiet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch)
    greeting = Greeting("http://127.0.0.1:8000", clock, demo=True)  # type: ignore[arg-type]
    greeting.say()
    clock.now += 30
    greeting.say_again_when_quiet()
    assert len(clock.told) == 1, "nothing scrolled it by"
    clock.spoke_at = clock.now
    clock.now += 1
    greeting.say_again_when_quiet()
    assert len(clock.told) == 1, "the parts still speak"
    clock.now += 2
    greeting.say_again_when_quiet()
    greeting.say_again_when_quiet()
    assert len(clock.told) == 2
    assert clock.told[1] == clock.told[0]
    assert "operator approver" in clock.told[1]
    assert "amends-demo" in clock.told[1]
