"""Which step can follow which, read off the conditions and mappings of a definition. Pure; nothing
is evaluated.

A condition is understood where it is a conjunction of plain comparisons of paths; of any other
nothing is said, so that what is said here is true. What a step writes is known where its output
mapping is an object of plain names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cases.definitions.model import Binding, CompiledDefinition
from cases.definitions.needs import asked, written_by
from cases.definitions.reads import keys_read
from cases.definitions.targets import DOES_NO_WORK

# Words with which a conjunction is none any more; texts are taken away before.
_UNREAD: Final = re.compile(
    r"\b(?:or|if|reduce|foreach|def|as|try|label|not)\b|//|\||\?|;|#|\bhas\("
)
_TEXT: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_AND: Final = re.compile(r"\band\b")
_PATH: Final = r"(?P<path>\.[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)"
# What holds of nothing that is absent: it is not null, equal to something, or just there.
_PRESENT: Final = re.compile(
    rf"{_PATH}\s*(?:!=\s*null|==\s*(?:\x22\x22|true|false|-?[0-9.]+)|>=?\s*[0-9.]+)?"
)
_ABSENT: Final = re.compile(rf"{_PATH}\s*==\s*null")
_NEVER: Final = frozenset({"false", "null"})


@dataclass(frozen=True, slots=True)
class Guard:
    """What a step asks of the context before it starts: keys that must be there, and paths that
    must not. `never`: it holds of no context."""

    present: frozenset[str]
    never: bool


def guard_of(binding: Binding) -> Guard:
    """Return what a step asks for, as far as that is plain."""
    present: set[tuple[str, ...]] = set()
    absent: set[tuple[str, ...]] = set()
    never = False
    for part in _conjuncts(binding):
        never = never or part in _NEVER
        for pattern, paths in ((_ABSENT, absent), (_PRESENT, present)):
            found = pattern.fullmatch(part)
            if found:
                paths.add(tuple(found["path"].strip(".").split(".")))
                break
    # What is wanted to be there, and to be absent with all that is in it.
    clash = any(path[: len(gone)] == gone for gone in absent for path in present)
    # What it hears comes with what starts it, and no step writes that.
    return Guard(frozenset(path[0] for path in present) - binding.hears, never or clash)


def _conjuncts(binding: Binding) -> Iterator[str]:
    for text in filter(None, (binding.filter, binding.when)):
        plain = _TEXT.sub('""', text)
        if not _UNREAD.search(plain) and "(" not in plain:
            yield from (part.strip() for part in _AND.split(plain))


def unreachable(definition: CompiledDefinition) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the steps that can never start, and the keys they wait for in vain, none where their
    condition holds of no context.

    A key is taken for one that a case may be opened with, unless the schema of that allows no
    others, or it is a result: each step that writes it waits for it to be absent. What an undo step
    writes may be there at any time.
    """
    steps = definition.forward_bindings
    guards = {step.name: guard_of(step) for step in steps}
    writes = {step.name: written_by(step) for step in steps}
    yield from ((name, ()) for name, guard in guards.items() if guard.never)
    by_undo = [
        written_by(step)
        for step in definition.bindings
        if step.compensation_only and step.target.output_mapping is not None
    ]
    if None in by_undo:
        return
    there = _given(definition, steps).union(*(keys or () for keys in by_undo))
    started: set[str] = set()
    while True:
        more = {
            name
            for name, guard in guards.items()
            if name not in started and not guard.never and guard.present <= there
        }
        if not more:
            break
        if any(writes[name] is None for name in more):
            # It may write anything.
            return
        started |= more
        there = there.union(*(writes[name] or () for name in more))
    for name, guard in guards.items():
        if name not in started and not guard.never:
            yield name, tuple(sorted(guard.present - there))


def _given(definition: CompiledDefinition, steps: Iterable[Binding]) -> frozenset[str]:
    """Return the keys that a case may be opened with, among those that steps ask for."""
    schema: Mapping[str, Any] = definition.input_schema or {}
    declared = frozenset(definition.input_fields)
    if schema.get("additionalProperties") is False and "patternProperties" not in schema:
        return declared
    asked_for: set[str] = set()
    results: set[str] = set()
    rewritten: set[str] = set()
    for step in steps:
        asked_for |= guard_of(step).present
        wanted_absent = {path[0] for text in _texts(step) for path in asked(text).absent}
        for key in written_by(step) or ():
            (results if key in wanted_absent else rewritten).add(key)
    return declared | (asked_for - (results - rewritten))


def _texts(binding: Binding) -> list[str]:
    return [text for text in (binding.filter, binding.when) if text]


def fires_again(binding: Binding) -> bool:
    """Whether nothing that a step writes is asked for by its own condition, but what it is given
    changes with that: it then starts again after every result of its own."""
    if binding.deaf or isinstance(binding.target, DOES_NO_WORK):
        return False
    written = written_by(binding)
    if not _is_given_back(binding, written):
        return False
    texts = _texts(binding)
    # Paths that have something else in their place, or no names, are not read.
    if not texts or any("//" in text or "[" in text for text in texts):
        return False
    found = [asked(text) for text in texts]
    keys = {path[0] for each in found for path in (*each.present, *each.absent)}
    wants_absence = any(each.absent for each in found)
    if written is None:
        return bool(keys) and not wants_absence and not _negates(binding)
    return bool(keys) and keys.isdisjoint(written)


def _is_given_back(binding: Binding, written: frozenset[str] | None) -> bool:
    """Whether what a step is given is sure to have its own result in it: the whole context has."""
    mapping = binding.target.input_mapping
    if mapping is None or mapping.strip() == ".":
        return True
    given = keys_read(mapping)
    return bool(given and written and not given.isdisjoint(written))


def _negates(binding: Binding) -> bool:
    """Whether a condition can become false by something that is not absence."""
    text = " ".join(filter(None, (binding.filter, binding.when)))
    return bool(re.search(r"!=(?!\s*null\b)|\b(?:not|or|if|length|all|any)\b|==|<", text))


def after(definition: CompiledDefinition) -> dict[str, frozenset[str]]:
    """Return by step those that can only start once it has written what they ask for, however many
    lie between."""
    steps = definition.forward_bindings
    writers: dict[str, set[str]] = {}
    for step in steps:
        for key in written_by(step) or ():
            writers.setdefault(key, set()).add(step.name)
    follows: dict[str, set[str]] = {step.name: set() for step in steps}
    for step in steps:
        for key in guard_of(step).present:
            for writer in writers.get(key, ()):
                if writer != step.name:
                    follows[writer].add(step.name)
    return {name: _reached(name, follows) for name in follows}


def _reached(name: str, follows: Mapping[str, set[str]]) -> frozenset[str]:
    seen: set[str] = set()
    left = [name]
    while left:
        for each in follows[left.pop()] - seen:
            seen.add(each)
            left.append(each)
    return frozenset(seen - {name})
