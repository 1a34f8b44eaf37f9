"""Log lines that nobody can forge: a record is one line, and what belongs to it is indented.

Paths, names and messages of faults come from strangers. Control characters in them would begin a
line of its own, or command the terminal on which the log is read; they are written as escapes. Used
by the web server too, so nothing of Django is needed here.
"""

from __future__ import annotations

import logging
import re
from typing import Any

from typing_extensions import override

# Control characters, and what else ends a line or turns its direction for some readers.
_UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_INDENT = "    "


def printable(text: str) -> str:
    """Return `text` on one line, whatever it holds."""
    return _UNPRINTABLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


class LineFormatter(logging.Formatter):
    """Formats a record as one line; below it, indented, the traceback if there is one."""

    @override
    def format(self, record: logging.LogRecord) -> str:
        # Another formatter may have kept a traceback as it came.
        kept, record.exc_text = record.exc_text, None
        try:
            return super().format(record)
        finally:
            record.exc_text = kept

    @override
    def formatMessage(self, record: logging.LogRecord) -> str:
        return printable(super().formatMessage(record))

    @override
    def formatException(self, ei: Any) -> str:
        return _indented(super().formatException(ei))

    @override
    def formatStack(self, stack_info: str) -> str:
        return _indented(super().formatStack(stack_info))


def _indented(text: str) -> str:
    return "\n".join(_INDENT + printable(line) for line in text.split("\n"))
