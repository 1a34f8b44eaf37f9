"""Makes `verify.py` of a pack: one file of the modules that check what others check here, too.

Nothing of it is written twice. Each part imports the standard library, `cryptography`, and other
parts alone; their imports of each other are left out, since all stands in one file.
"""

from __future__ import annotations

import ast
import functools
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).parents[2]
#: What the file is made of, each after those that it needs; the last says what the file is.
PARTS: Final = (
    "ledger/entry_signatures.py",
    "ledger/tree/merkle.py",
    "ledger/erasure/gone_payloads.py",
    "ledger/tree/der.py",
    "ledger/tree/timestamps.py",
    "ledger/tree/cosignatures.py",
    "audit/export/stand_alone_notes.py",
    "audit/export/stand_alone_outside.py",
    "audit/export/stand_alone_pack.py",
    "audit/export/stand_alone_envelopes.py",
    "audit/export/stand_alone_receipts.py",
    "audit/export/stand_alone_signatures.py",
    "audit/export/stand_alone_verifier.py",
)
_FUTURE: Final = "from __future__ import annotations"


@functools.cache
def verifier_source() -> str:
    """Return the text of `verify.py`. Raises ValueError where two parts say one name."""
    parts = [(path, (_ROOT / path).read_text(encoding="utf-8")) for path in PARTS]
    trees = [ast.parse(text) for _path, text in parts]
    _check_names(trees)
    modules = {path.removesuffix(".py").replace("/", ".") for path in PARTS}
    imports: set[str] = set()
    bodies = []
    for (path, text), tree in zip(parts, trees, strict=True):
        body, wanted = _without_imports(text, tree, modules)
        imports |= wanted
        own = "" if tree is trees[-1] else _commented(ast.get_docstring(tree) or "")
        bodies.append(f"# --- {path} ---\n{own}\n{body.strip()}\n")
    said = ast.get_docstring(trees[-1], clean=False)
    top = "\n".join(sorted(imports, key=lambda each: (each.startswith("from"), each)))
    return "\n\n".join([f'"""{said}"""', _FUTURE, top, "", *bodies])


def _without_imports(text: str, tree: ast.Module, own: set[str]) -> tuple[str, set[str]]:
    """Return a part without its docstring and its imports, and what it imports from elsewhere."""
    lines, imports = text.splitlines(keepends=True), set()
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            inside = isinstance(node, ast.ImportFrom) and node.module in {*own, "__future__"}
            if not inside:
                imports.add(ast.unparse(node))
        elif node is not tree.body[0] or not _is_text(node):
            continue
        for n in range(node.lineno - 1, node.end_lineno or node.lineno):
            lines[n] = ""
    return "".join(lines), imports


def _commented(text: str) -> str:
    return "".join(f"# {line}".rstrip() + "\n" for line in text.splitlines())


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _check_names(trees: list[ast.Module]) -> None:
    seen: set[str] = set()
    for tree in trees:
        own = set(_names(tree))
        if twice := own & seen:
            raise ValueError(f"two parts of verify.py say {sorted(twice)}")
        seen |= own


def _names(tree: ast.Module) -> list[str]:
    found: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.append(node.name)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            found += [n.id for each in targets for n in ast.walk(each) if isinstance(n, ast.Name)]
    return found
