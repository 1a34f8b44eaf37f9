"""The project's own Python files, parsed once, for the rules that read them."""

from __future__ import annotations

import ast
import dataclasses
import functools
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# From the top: an app may know those after it, never those before it.
LAYERS = (
    "config",
    "audit",
    "notifications",
    "cases",
    "workitems",
    "executions",
    "compensation",
    "governance",
    "events",
    "people",
    "web",
    "verbs",
    "accounts",
    "ledger",
    "json_values",
    "egress",
    "tools",
)
TOOLS = ("benchmarks", "scripts")


@dataclasses.dataclass(frozen=True, slots=True)
class Source:
    """One Python file: its path from the project's root and its syntax tree."""

    path: str
    tree: ast.Module
    lines: int

    @property
    def parts(self) -> tuple[str, ...]:
        """The dotted name's parts: `workitems/actions/claim.py` → workitems, actions, claim."""
        return Path(self.path).with_suffix("").parts

    @property
    def dotted(self) -> str:
        """The module's name as an import spells it."""
        return ".".join(part for part in self.parts if part != "__init__")

    def within(self, *prefixes: str) -> bool:
        """Tell whether the module is one of `prefixes` or inside one of them."""
        return any(self.dotted == p or self.dotted.startswith(f"{p}.") for p in prefixes)


def source(path: str, text: str) -> Source:
    """Parse `text` as the file at `path`."""
    return Source(path, ast.parse(text, filename=path), len(text.splitlines()))


def _read(*folders: str) -> tuple[Source, ...]:
    files = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return tuple(source(str(path.relative_to(ROOT)), path.read_text("utf-8")) for path in files)


@functools.cache
def project() -> tuple[Source, ...]:
    """Every module of the apps and tools, migrations left out: those are history, not design."""
    found = _read(*LAYERS, *TOOLS)
    return tuple(each for each in found if "migrations" not in each.parts)


@functools.cache
def suite() -> tuple[Source, ...]:
    """Every module of the test suite."""
    return _read("tests")
