"""Compiles a definition that nobody vouches for in a process of its own, so that whatever it holds
takes so much time and memory and no more, and this process lives.

The child is `manage.py lint_case --frames`; it is kept for the next definition, and replaced when
it was killed. It opens no database.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Collection, Mapping
from typing import Any, Final, Protocol

from django.conf import settings

from cases.definitions import (
    CompiledDefinition,
    DefinitionError,
    DefinitionInvalid,
    DefinitionWarning,
    compile_definition,
)
from cases.definitions.model import Named
from json_values.framed_process import Answer, EvaluatorError, FramedProcess
from json_values.jq.evaluation import ExpressionFailed

#: What one definition may take: processor time in seconds, and bytes beside those of the start.
CPU_SECONDS: Final = 5.0
MEMORY_BYTES: Final = 512 * 1024 * 1024
#: How long a definition waits for the one before it, and for the process to come up, in seconds.
LOCK_SECONDS: Final = 20.0
_TOO_MUCH: Final = f"takes more than {CPU_SECONDS:.0f} s of computing, or too much memory, to check"
_TRIES: Final = 2
READY: Final = ["ready", None]
TOO_MUCH: Final = "too_much"


class Compiler(Protocol):
    """What compiles a definition, here or elsewhere."""

    def __call__(
        self,
        source: str | Mapping[str, Any],
        *,
        capabilities: Collection[str],
        covered: Collection[str],
    ) -> CompiledDefinition:
        """Return it compiled. Raises DefinitionInvalid and ExpressionFailed."""


class _Child(FramedProcess):
    """A process of ours that compiles. It is started once, which takes seconds."""

    wall_seconds = 30.0

    def __init__(self) -> None:
        chosen = os.environ.get("DJANGO_SETTINGS_MODULE", settings.SETTINGS_MODULE)
        super().__init__(
            [sys.executable, "-m", "django", "lint_case", "--frames"],
            env={**os.environ, "DJANGO_SETTINGS_MODULE": chosen},
            cwd=str(settings.BASE_DIR),
        )


def _started() -> _Child:
    """Start a child, and wait until it is ready. Raises EvaluatorError."""
    try:
        child = _Child()
    except OSError as problem:
        # No process, no memory or no descriptor is left: nothing is wrong with the definition.
        raise EvaluatorError("the process that checks definitions cannot be started") from problem
    try:
        ready = child.receive() == READY
    except OSError:
        ready = False
    if not ready:
        child.bury()
        raise EvaluatorError("the process that checks definitions does not start")
    return child


class _Checker:
    """The one child of this process; whoever comes second waits, but not for ever."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: _Child | None = None
        os.register_at_fork(after_in_child=self._start_anew)

    def _start_anew(self) -> None:
        # Of a process that was forked the child belongs to its parent: it is let go untouched.
        left, self._lock, self._idle = self._idle, threading.Lock(), None
        if left is not None:
            left.forget()

    @property
    def child(self) -> _Child | None:
        """The process that waits for the next definition, if there is one."""
        return self._idle

    def ask(self, request: dict[str, Any]) -> Answer:
        """Return the answer to a request, or that it took too much. Raises EvaluatorError."""
        # Two threads would read each other's answers from the one child.
        if not self._lock.acquire(timeout=LOCK_SECONDS):
            raise EvaluatorError("the process that checks definitions is busy")
        try:
            for _ in range(_TRIES):
                child, self._idle = self._idle or _started(), None
                answer = self._answer_of(child, request)
                if answer is not None and answer[0] != TOO_MUCH:
                    self._idle = child
                    return answer
                # What it took is not given back: whoever comes next gets a new one.
                used_up = child.bury()
                # Only its time, or its own word, is the author's: anything else that ends it, such
                # as another one's signal, a fault of ours, or an old one's end while it was idle,
                # says nothing about the definition.
                if answer is not None or used_up:
                    return [TOO_MUCH, _TOO_MUCH]
        finally:
            self._lock.release()
        raise EvaluatorError("the process that checks definitions does not stay alive")

    @staticmethod
    def _answer_of(child: FramedProcess, request: dict[str, Any]) -> Answer | None:
        try:
            child.send(request)
            return child.receive()
        except OSError:  # and with it TimeoutError
            return None
        except BaseException:
            child.bury()
            raise


_checker = _Checker()


def compile_apart(
    source: str | Mapping[str, Any], *, capabilities: Collection[str], covered: Collection[str]
) -> CompiledDefinition:
    """Compile a definition in a process of its own.

    Raises DefinitionInvalid, also where that takes too much, and ExpressionFailed where nobody
    answers.
    """
    request = {"source": source, "capabilities": sorted(capabilities), "covered": sorted(covered)}
    try:
        code, said = _checker.ask(request)
    except (EvaluatorError, UnicodeEncodeError, ValueError) as away:
        raise ExpressionFailed("unavailable", str(away)) from away
    if code == "ok":
        compiled = CompiledDefinition.from_json(said["compiled"])
        warnings = tuple(DefinitionWarning(*each) for each in said["warnings"])
        named = tuple(Named(*each) for each in said["named"])
        return compiled.model_copy(update={"warnings": warnings, "named": named})
    if code == "unavailable":
        raise ExpressionFailed(code, said)
    if code == TOO_MUCH:
        place = 1 if isinstance(source, str) else None
        raise DefinitionInvalid([DefinitionError(place, "", said, place)])
    raise DefinitionInvalid([DefinitionError(*each) for each in said])


def answer_to(request: Mapping[str, Any]) -> Answer:
    """Answer a request, in the child."""
    try:
        found = compile_definition(
            request["source"], capabilities=request["capabilities"], covered=request["covered"]
        )
    except DefinitionInvalid as problem:
        return ["invalid", [list(each) for each in problem.errors]]
    except ExpressionFailed as away:
        return ["unavailable", str(away)]
    except (MemoryError, RecursionError):
        return [TOO_MUCH, _TOO_MUCH]
    warnings, named = ([list(each) for each in group] for group in (found.warnings, found.named))
    return ["ok", {"compiled": found.to_json(), "warnings": warnings, "named": named}]
