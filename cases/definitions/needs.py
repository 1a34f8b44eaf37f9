"""What a case with nothing open waits for, read off its definition: which keys of the context the
conditions of its next steps ask for, and which of them are missing. Pure; nothing is evaluated.

An expression is looked through for paths from the context on (`.credit_check.outcome`). What comes
after a pipe or a semicolon is about something else, and so is what an alternative (`//`) stands in
for. A path that is compared with null is one that a step wants to be absent: its own result.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cases.definitions.model import Binding, CompiledDefinition
from cases.definitions.targets import DOES_NO_WORK

Path = tuple[str, ...]

_TOKEN: Final = re.compile(
    r'(?P<has>\bhas\(\s*"(?P<key>[^"\\]+)"\s*\))'
    r'|(?P<text>"(?:[^"\\]|\\.)*")'
    r"|(?P<comment>#[^\n]*)"
    r"|(?P<path>(?<![\w.)\]?\"$])\.[A-Za-z_]\w*(?:\??\.[A-Za-z_]\w*)*)"
    r"|(?P<open>[(\[{])|(?P<close>[)\]}])"
    r"|(?P<turn>\|(?!=)|;)"
)
_ABSENT: Final = re.compile(r"\s*(?:==\s*null\b|\|\s*not\b)")
_OTHERWISE: Final = re.compile(r"\s*\??\s*//")
# A name right after a brace or a comma, or anything that such a name may stand inside of.
_MEMBER: Final = re.compile(
    r'(?P<open>[(\[{])|(?P<close>[)\]}])|"(?:[^"\\]|\\.)*"(?!\s*:)'
    r'|(?<=[{,\s])(?P<name>[A-Za-z_]\w*|"[^"\\]*")\s*(?=[:,}])'
)
_COMPUTED: Final = re.compile(r"[{,]\s*\(|\\\(")
_WRITTEN: Final = re.compile(r'(?:^|[{,])\s*"?([A-Za-z_]\w*)"?\s*(?=[:,}])')


@dataclass(frozen=True, slots=True)
class Asked:
    """The paths that a condition asks for, and those it wants to be absent."""

    present: tuple[Path, ...]
    absent: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Needs:
    """What a case waits for: `missing` keys of the context, `steps` (names of bindings; of
    goals, where it only `ends` now) that ask for them, and everything that those look at."""

    missing: tuple[str, ...]
    steps: tuple[str, ...]
    looks_at: tuple[str, ...]
    ends: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it as the API shows it."""
        return {
            "missing": list(self.missing), "looks_at": list(self.looks_at),
            "steps": [] if self.ends else list(self.steps),
            "goals": list(self.steps) if self.ends else [],
        }  # fmt: skip


def asked(expression: str | None) -> Asked:
    """Return which paths from the context on an expression asks for."""
    present: dict[Path, None] = {}
    absent: dict[Path, None] = {}
    # For each open bracket whether what follows is still about the context.
    about_context = [True]
    for token in _TOKEN.finditer(expression or ""):
        kind = token.lastgroup
        if kind == "open":
            about_context.append(about_context[-1])
        elif kind == "close" and about_context[1:]:
            about_context.pop()
        elif kind == "turn":
            about_context[-1] = False
        elif kind in {"has", "path"} and about_context[-1]:
            _note(token, expression or "", present, absent)
    return Asked(tuple(present), tuple(absent))


def _note(
    token: re.Match[str], expression: str, present: dict[Path, None], absent: dict[Path, None]
) -> None:
    key = token["key"]
    path = (key,) if key else tuple(token[0].replace("?", "").strip(".").split("."))
    if _OTHERWISE.match(expression, token.end()):
        return
    (absent if _ABSENT.match(expression, token.end()) else present)[path] = None


def needs(definition: CompiledDefinition, context: Mapping[str, Any]) -> Needs | None:
    """Return what keeps the next steps of a case with nothing open from starting, None where there
    is nothing to say.

    That is the steps that want what no step writes; else those that lack nothing, whose conditions
    do not hold or are about to be asked; else the first one. After the last step: the goals.
    """
    waiting = [
        (binding.name, _of_binding(binding))
        for binding in definition.forward_bindings
        if not binding.deaf and not _is_done(_of_binding(binding), context)
    ]
    ends = not waiting
    if ends:
        waiting = [(goal.name, asked(goal.condition)) for goal in definition.goals]
    lacking = [(name, each, _lacking(each, context)) for name, each in waiting]
    written = {key for binding in definition.bindings for key in _written(binding)}
    outside = [
        found for found in lacking if found[2] and not any(path[0] in written for path in found[2])
    ]
    unheld = [found for found in lacking if not found[2]]
    chosen = outside or unheld or lacking[:1]
    if not chosen:
        return None
    return Needs(
        missing=_named(path for _name, _each, missing in chosen for path in missing),
        steps=tuple(name for name, _each, _missing in chosen),
        looks_at=_named(path for _name, each, _missing in chosen for path in each.present),
        ends=ends,
    )


def _of_binding(binding: Binding) -> Asked:
    both = [asked(binding.filter), asked(binding.when)]
    return Asked(
        tuple(path for each in both for path in each.present),
        tuple(path for each in both for path in each.absent),
    )


def _is_done(found: Asked, context: Mapping[str, Any]) -> bool:
    """Whether what a step wants to be absent is there: it will not fire again."""
    return any(_value(context, path) is not None for path in found.absent)


def _lacking(found: Asked, context: Mapping[str, Any]) -> list[Path]:
    return [path for path in found.present if _value(context, path) is None]


def _value(context: Any, path: Path) -> Any:
    for key in path:
        if not isinstance(context, Mapping):
            return None
        context = context.get(key)
    return context


def _written(binding: Binding) -> list[str]:
    mapping = binding.target.output_mapping or ""
    return _WRITTEN.findall(mapping) if mapping.lstrip().startswith("{") else []


def written_by(binding: Binding) -> frozenset[str] | None:
    """Return the keys of the context that a step writes; None where that is not plain."""
    if isinstance(binding.target, DOES_NO_WORK):
        return frozenset(binding.context_write or ())
    mapping = (binding.target.output_mapping or "").strip()
    if not mapping.startswith("{") or not mapping.endswith("}") or _COMPUTED.search(mapping):
        return None
    return frozenset((*_members(mapping), *(binding.context_write or ())))


def _members(mapping: str) -> list[str]:
    """Return the names of an object as it is written, not of those inside it."""
    depth, names = 0, []
    for token in _MEMBER.finditer(mapping):
        depth += bool(token["open"]) - bool(token["close"])
        if token["name"] and depth == 1:
            names.append(token["name"].strip('"'))
    return names


def _named(paths: Iterable[Path]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(".".join(path) for path in paths))
