"""`manage.py lint_case FILE…`: is there anything wrong with these case definitions?

A line each, as compilers write them: file, line, column, what it is, its code, a sentence. Exit 1
where one of them would be refused.
"""

from __future__ import annotations

import argparse
import os
import resource
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from django.core.management.base import BaseCommand, CommandError
from typing_extensions import override

from cases.actions.checked_apart import (
    CPU_SECONDS,
    MEMORY_BYTES,
    READY,
    answer_to,
    compile_apart,
)
from cases.definitions import DefinitionInvalid, ExpressionFailed, no_more_than
from cases.definitions.parser import MAX_SOURCE_BYTES
from cases.how_undone import covered_capabilities
from executions import capability_registry
from json_values.framed_process import read_frame, write_frame


class Command(BaseCommand):
    """Check definitions without storing them. Nothing is asked of a database."""

    help = "Check case definitions (YAML or JSON): errors and warnings, by line and column."
    requires_system_checks: list[str] = []

    @override
    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("files", nargs="*", metavar="FILE")
        parser.add_argument("--frames", action="store_true", help=argparse.SUPPRESS)

    @override
    def handle(self, *args: Any, **options: Any) -> None:
        """Print what was found; or, for a process of ours, answer its requests."""
        if options["frames"]:
            _serve()
            return
        if not options["files"]:
            raise CommandError("name a file, or several")
        refused = 0
        for name in options["files"]:
            lines = list(_lines(Path(name)))
            refused += any(": error " in line for line in lines)
            for line in lines:
                self.stdout.write(line)
        if refused:
            sys.exit(1)


def _lines(path: Path) -> Iterator[str]:
    """Yield what is to be said of one file."""
    try:
        with path.open("rb") as file:
            source = file.read(MAX_SOURCE_BYTES + 1).decode("utf-8-sig")
    except OSError as wrong:
        raise CommandError(f"{path}: {wrong.strerror or wrong}") from wrong
    except UnicodeDecodeError:
        yield f"{path}:1:1: error not_unicode: the file is not UTF-8"
        return
    try:
        found = compile_apart(
            source, capabilities=capability_registry.names(), covered=covered_capabilities()
        )
    except DefinitionInvalid as problem:
        for error in problem.errors:
            place = f"{path}:{error.line or 1}:{error.column or 1}"
            where = f"{error.pointer}: " if error.pointer else ""
            yield f"{place}: error definition_invalid: {where}{error.message}"
        return
    except ExpressionFailed as away:
        raise CommandError(f"{path}: {away}") from away
    for each in no_more_than(found.warnings):
        place = f"{path}:{each.line or 1}:{each.column or 1}"
        yield f"{place}: warning {each.code}: {each.pointer or '/'}: {each.message}"


def _serve() -> None:
    """Answer requests until there are no more, each within its limits: what breaks them ends this
    process, and nothing else."""
    # What anything prints must not come between the frames.
    answers: BinaryIO = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _, most = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_held() + MEMORY_BYTES, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    write_frame(answers, READY)
    while (request := read_frame(sys.stdin.buffer)) is not None:
        # The signal of the timer has its default action: it ends the process, whatever it is in.
        signal.setitimer(signal.ITIMER_PROF, CPU_SECONDS)
        answer = answer_to(request)
        signal.setitimer(signal.ITIMER_PROF, 0)
        write_frame(answers, answer)


def _held() -> int:
    """Return the bytes of address space that this process has taken by now."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()
