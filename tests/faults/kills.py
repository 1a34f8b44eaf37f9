"""A process that does one job at a time and may be killed in the middle of it."""

from __future__ import annotations

import json
import subprocess
import uuid
from pathlib import Path

from accounts.acting import ActingUser


class Runner:
    """The process of `tests.faults.runner`."""

    def __init__(self, process: subprocess.Popen[str], log: Path) -> None:
        self._process = process
        self._log = log

    def do(self, scenario: str, subject: uuid.UUID, by: ActingUser, *, point: str = "") -> int:
        """Do one job and return how its process ended."""
        job = {
            "scenario": scenario, "point": point, "username": by.username, "subject": str(subject),
        }  # fmt: skip
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, self._log.read_text()
        return int(answer)
