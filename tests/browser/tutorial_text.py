"""Reads the tutorial as what it tells a reader to do, sentence by sentence.

What is marked in its text is meant word for word:

    As `operator`          go on as this person, in this person's own window
    password is `secret`   log in with it
    **Start the case**     press it: a link, a button, a choice
    *Reason*: `Forged`     write into the field of that name, or choose there, what follows
    `/admin/`              open this address
    “Rolled back”          this is on the page now
    ```sh                  run these commands
    ```text                they have printed these lines, in this order; … stands for others

Everything else is prose. So bold is for nothing but what is pressed, and quotation marks are for
nothing but what is seen.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Iterator
from typing import Literal

from typing_extensions import override

Kind = Literal["as", "password", "press", "fill", "open", "see", "run", "printed"]
_MARKED = re.compile(
    r"`(?P<code>[^`]+)`|\*\*(?P<press>[^*]+)\*\*|\*(?P<field>[^*\s][^*]*)\*|“(?P<see>[^”]+)”"
    r"|(?P<end>[.!?])(?=\s|$)"
)
_AS = re.compile(r"\bas $", re.IGNORECASE)
_PASSWORD = re.compile(r"\bpassword is $", re.IGNORECASE)
_FENCE = re.compile(r"^ *```(?P<language>\w*) *$")
_ITEM = re.compile(r"^ *(?:\d+\.|[*-]) +")
_NOT_TOLD = re.compile(r"^ *(?:#|<|!\[|\|)")


@dataclasses.dataclass(frozen=True, slots=True)
class Act:
    """One thing to do or to see. `value`: what is written into a field."""

    kind: Kind
    what: str
    value: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Sentence:
    """What one sentence, or one block of commands, tells a reader to do."""

    line: int
    text: str
    acts: tuple[Act, ...]

    @override
    def __str__(self) -> str:
        return f"line {self.line}: {self.text}"


def sentences(markdown: str) -> list[Sentence]:
    """Return every sentence that says something to do or to see, in order.

    Raises ValueError naming the sentence whose marks are not as they must be.
    """
    found: list[Sentence] = []
    for line, language, text in _blocks(markdown):
        told = _sentences_of(line, text) if language is None else _commands(line, language, text)
        found += [sentence for sentence in told if sentence.acts]
    return found


def _blocks(markdown: str) -> Iterator[tuple[int, str | None, str]]:
    """Yield paragraphs, items of lists and fenced blocks (with their language) and their lines."""
    began, language, lines = 1, None, list[str]()
    for number, line in enumerate([*markdown.splitlines(), ""], start=1):
        fence = _FENCE.match(line)
        if language is not None and fence is None:
            lines.append(line)
            continue
        if fence is None and line.strip() and not _NOT_TOLD.match(line) and not _ITEM.match(line):
            began = number if not lines else began
            lines.append(line.strip())
            continue
        if lines:
            yield began, language, ("\n" if language is not None else " ").join(lines)
        language = fence["language"] if fence is not None and language is None else None
        begins = fence is None and _ITEM.match(line) is not None
        lines, began = ([_ITEM.sub("", line).strip()] if begins else []), number


def _commands(line: int, language: str, text: str) -> Iterator[Sentence]:
    if language == "sh":
        acts = [Act("run", command.strip()) for command in text.splitlines() if command.strip()]
        yield Sentence(line, text, tuple(acts))
    elif language == "text":
        yield Sentence(line, text, (Act("printed", text),))
    else:
        raise ValueError(f"line {line}: a block is of `sh` or `text`, not of `{language}`")


def _sentences_of(line: int, text: str) -> Iterator[Sentence]:
    """Split at the ends of sentences outside of marks."""
    ends = [mark.end() for mark in _MARKED.finditer(text) if mark["end"]]
    for start, end in itertools.pairwise([0, *ends, len(text)]):
        said = text[start:end].strip()
        yield Sentence(line, said, tuple(_acts(line, said)))


def _acts(line: int, said: str) -> Iterator[Act]:
    field = ""
    for mark in _MARKED.finditer(said):
        if mark["field"]:
            field = mark["field"]
        elif mark["code"] and field:
            yield Act("fill", field, mark["code"])
            field = ""
        elif mark["code"]:
            yield from _of_code(mark["code"], said[: mark.start()])
        elif mark["press"] or mark["see"]:
            yield Act("press" if mark["press"] else "see", mark["press"] or mark["see"])
    if field:
        raise ValueError(f"line {line}: nothing to write follows *{field}* in: {said}")


def _of_code(code: str, before: str) -> Iterator[Act]:
    """Yield what a name or an address asks for; other code is prose."""
    if _AS.search(before):
        yield Act("as", code)
    elif _PASSWORD.search(before):
        yield Act("password", code)
    elif code.startswith("/"):
        yield Act("open", code)
