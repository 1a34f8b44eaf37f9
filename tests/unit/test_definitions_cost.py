"""What checking a definition costs is bounded in sum, whatever its expressions are."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typing_extensions import override

from cases.definitions import DefinitionInvalid, compile_definition
from cases.definitions.compiler import MAX_EXPRESSIONS
from json_values.jq import child_pool, evaluation
from json_values.jq.child_pool import JqPool, JqProcess
from json_values.jq.evaluation import check_syntax, evaluate
from tests.definitions import definition, human

#: The bound is 0.3 s of CPU; a machine that does something else besides takes up to three times it.
MOST_SECONDS = 3 * 0.3
MANY = ", ".join(["walk(.)", "paths", "group_by(.a)", 'gsub("a"; "b")', "todate", "tostream"] * 5)
DEAR = {
    "interpolated": [f'"{number}' + r"\(1)" * 990 + '"' for number in range(12)],
    "negated": [f"{number}" + "-" * 4000 + "1" for number in range(12)],
    "builtins": [f"[{MANY}] | .[{number}]" for number in range(MAX_EXPRESSIONS)],
}


class MeasuredProcess(JqProcess):
    """A child whose time is known when it is gone: its own alone, whatever else ends meanwhile."""

    spent = 0.0

    @override
    def bury(self) -> bool:
        pid = self._child.pid
        os.kill(pid, signal.SIGKILL)
        # What has ended but was not waited for can still be asked what it has taken.
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        after_its_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks = int(after_its_name[11]) + int(after_its_name[12])
        MeasuredProcess.spent += ticks / os.sysconf("SC_CLK_TCK")
        return super().bury()


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[JqPool]:
    """Children of their own, so that all they have spent is known when they are gone."""
    mine = JqPool()
    monkeypatch.setattr(evaluation._processes, "pool", mine)  # noqa: SLF001
    monkeypatch.setattr(child_pool, "JqProcess", MeasuredProcess)
    monkeypatch.setattr(MeasuredProcess, "spent", 0.0)
    yield mine
    bury(mine)


def bury(pool: JqPool) -> None:
    while pool._idle:  # noqa: SLF001  -- a pool lets go of children, and never waits for them
        pool._idle.pop().bury()  # noqa: SLF001


def spent() -> float:
    return time.process_time() + MeasuredProcess.spent


@pytest.mark.parametrize("kind", DEAR)
def test_expressions_share_the_time_to_compile_them(pool: JqPool, kind: str) -> None:
    task = {"title": "T"}
    steps = [human(f"s{n}", when=text, humanTask=task) for n, text in enumerate(DEAR[kind])]
    source = definition("dear", *steps)
    before = spent()
    try:
        compile_definition(source, capabilities=None)
    except DefinitionInvalid as refusal:
        ((line, pointer, said, _),) = refusal.errors
        assert (line, pointer) == (None, "/spec")
        assert "250 ms of CPU time to compile, all together" in said
    else:
        assert kind != "interpolated"
    bury(pool)
    assert spent() - before < MOST_SECONDS


def test_where_the_time_is_over_all_that_are_left_fail(pool: JqPool) -> None:
    found = check_syntax([".a", *DEAR["interpolated"], ".b", "env"])
    assert found[0] is None
    assert [each and each.code for each in found[-3:]] == ["timeout", "timeout", "forbidden"]
    assert evaluate(".a | .", {"a": 1}) == 1
    assert check_syntax([".b"]) == [None]


def test_as_many_plain_expressions_as_there_may_be_are_compiled(pool: JqPool) -> None:
    steps = [
        human(f"s{number}", when=f".s{number} == null", humanTask={"title": "T"})
        for number in range(MAX_EXPRESSIONS)
    ]
    assert len(compile_definition(definition("full", *steps), capabilities=None).bindings) == 100
    with pytest.raises(DefinitionInvalid) as refusal:
        compile_definition(definition("full", *steps, human("one-more")), capabilities=None)
    assert refusal.value.errors[0].message == "more than 100 different expressions"
