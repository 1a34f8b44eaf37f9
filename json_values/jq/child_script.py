"""Child process that evaluates jq expressions; started by `child_pool.py`, never imported by it.

jq runs in C: an expression that loops cannot be interrupted from Python, and one that hoards memory
takes its process along. So it gets a process of its own, run as a plain script with an empty
environment and no spare file descriptor, that may be killed at any time without loss.

Frames on stdin and stdout are a 4-byte big-endian length followed by JSON. One request
`{"values": [JSON text, …], "items": [[expression, index of value], …]}` is answered by one frame
per item, in order: `["ok", result]` or `[code, detail]`. The index `null` asks only whether the
expression compiles; all that only ask share the time of one. Arguments: CPU milliseconds per item,
and more for each MiB of its input; bytes of memory, more for each byte of input, and the most;
bytes of a result.
"""

from __future__ import annotations

import functools
import json
import resource
import signal
import struct
import sys
import time
from typing import Any, BinaryIO

import jq

_LENGTH = struct.Struct(">I")


def main() -> None:
    """Answer requests until stdin closes, which also happens when the parent dies."""
    milliseconds, more_per_mib, memory_bytes, more_per_byte, most, result_bytes = map(
        int, sys.argv[1:]
    )
    _confine(memory_bytes, most)
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while True:
        request = _read_frame(requests)
        if request is None:
            return
        held = sum(len(text) for text in request["values"])
        memory = min(most, memory_bytes + more_per_byte * held)
        resource.setrlimit(resource.RLIMIT_AS, (memory, most))
        left_to_compile = milliseconds / 1000
        for expression, index in request["items"]:
            size = 0 if index is None else len(request["values"][index])
            before = time.process_time()
            cpu_seconds = (milliseconds + more_per_mib * size / 2**20) / 1000
            # The timer's signal has its default action, so it ends the process even inside jq.
            signal.setitimer(signal.ITIMER_PROF, left_to_compile if index is None else cpu_seconds)
            if index is None:
                answer = _compile(expression)
            else:
                answer = _evaluate(expression, request["values"][index], result_bytes)
            signal.setitimer(signal.ITIMER_PROF, 0)
            if index is None:
                # A timer of zero would be none.
                left_to_compile = max(left_to_compile - (time.process_time() - before), 0.001)
            _write_frame(answers, answer)


def _confine(memory_bytes: int, most: int) -> None:
    """Give up memory beyond the limit, new files and core dumps (which would hold case data)."""
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))


@functools.lru_cache(maxsize=512)
def _program(expression: str) -> Any:
    return jq.compile(expression)


def _compile(expression: str) -> list[Any]:
    try:
        _program(expression)
    except ValueError as problem:
        return ["syntax", _first_line(problem)]
    return ["ok", None]


def _evaluate(expression: str, text: str, result_bytes: int) -> list[Any]:
    compiled = _compile(expression)
    if compiled[0] != "ok":
        return compiled
    try:
        result = next(iter(_program(expression).input_text(text)))
        size = _size(result)
    except (StopIteration, MemoryError, RecursionError, ValueError) as problem:
        return _refusal(problem)
    if size > result_bytes:
        return ["too_large", f"the result has {size} bytes; at most {result_bytes} are kept"]
    return ["ok", result]


def _size(result: Any) -> int:
    """Return the bytes of a result as every bound measures them: of its compact JSON."""
    text = json.dumps(result, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return len(text.encode("utf-8", "surrogatepass"))


def _refusal(problem: Exception) -> list[Any]:
    if isinstance(problem, StopIteration):
        return ["no_result", "the expression produced no result"]
    if isinstance(problem, MemoryError):
        return ["memory", "the expression needed too much memory"]
    if isinstance(problem, RecursionError):
        return ["too_deep", "the result is nested too deeply"]
    return ["runtime", _first_line(problem)]


def _first_line(problem: Exception) -> str:
    """Return what jq says without its prefix and its echo of the program; it may quote data."""
    line = str(problem).strip().splitlines()[0] if str(problem).strip() else "jq gave no reason"
    return line.removeprefix("jq: error: ").removesuffix(":")[:500]


def _read_frame(stream: BinaryIO) -> Any:
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    return json.loads(stream.read(_LENGTH.unpack(head)[0]))


def _write_frame(stream: BinaryIO, answer: list[Any]) -> None:
    body = json.dumps(answer).encode()
    stream.write(_LENGTH.pack(len(body)) + body)
    stream.flush()


if __name__ == "__main__":
    main()
