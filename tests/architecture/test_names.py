"""A module's name says what is in it, and says it once."""

from __future__ import annotations

import collections
import re
from pathlib import Path

from tests.architecture.sources import LAYERS, ROOT, TOOLS, project

# What every app has, by the design, and what Django looks for by name (`base`: of a backend).
SHARED = frozenset(
    "base models lifecycle actions selectors subject words events errors api views forms admin"
    " apps urls startup management commands migrations templatetags capabilities watched"
    " personal".split()
)
# Said of code that nobody could name.
METAPHORS = frozenset(
    "within door holding running executing undoing shown presenting asking answers kinds"
    " said".split()
)
ARCHITECTURE = ROOT / "docs" / "explanation" / "architecture.md"
_MODULE = re.compile(rf"`((?:{'|'.join((*LAYERS, *TOOLS))})(?:[/.][a-z_]+)*)(?:\.py|/)?`")


def names() -> dict[str, list[str]]:
    """Return the modules and packages of the project by their last name."""
    found: dict[str, set[str]] = collections.defaultdict(set)
    for each in project():
        path = Path(each.path)
        place = path.parent if path.name == "__init__.py" else path.with_suffix("")
        found[place.name].add(str(place))
    return {name: sorted(places) for name, places in found.items()}


def test_no_two_modules_share_a_name() -> None:
    shared = {name: places for name, places in names().items() if len(places) > 1}
    assert {name: places for name, places in shared.items() if name not in SHARED} == {}


def test_no_module_has_a_name_that_must_be_explained() -> None:
    assert sorted(METAPHORS & names().keys()) == []


def test_the_architecture_names_modules_that_exist() -> None:
    named = {found.replace(".", "/") for found in _MODULE.findall(ARCHITECTURE.read_text("utf-8"))}
    assert len(named) > len(LAYERS)
    assert [name for name in sorted(named) if not _exists(name)] == []


def _exists(name: str) -> bool:
    """Whether there is such a package or module, or a module that defines the last part."""
    if (ROOT / name).is_dir() or (ROOT / f"{name}.py").is_file():
        return True
    module, _, member = name.rpartition("/")
    file = ROOT / f"{module}.py"
    return file.is_file() and bool(
        re.search(rf"^(?:def|class) {member}\b|^{member} ", file.read_text("utf-8"), re.MULTILINE)
    )
