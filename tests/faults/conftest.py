"""What tests of faults share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.database import ROOT
from tests.faults.kills import Runner
from tests.subprocesses import environment
from tests.world import World


@pytest.fixture
def runner(world: World, tmp_path: Path) -> Iterator[Runner]:
    """A runner on this test's database, ended afterwards."""
    log = tmp_path / "runner.log"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            [sys.executable, "-m", "tests.faults.runner"],
            cwd=ROOT, env=environment(), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
        ) as process,
    ):  # fmt: skip
        yield Runner(process, log)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(30) == 0, log.read_text()
