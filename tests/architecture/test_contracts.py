"""Every import-linter contract is kept, and every one reports a violation planted for it.

The plants go into a copy of the tree, all at once, and the linter runs over it once: each is then
looked for in the part of the report that belongs to its contract.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.sources import LAYERS, ROOT

LINTER = Path(sys.executable).with_name("lint-imports")


@dataclasses.dataclass(frozen=True, slots=True)
class Plant:
    """A forbidden import: where it stands, what it imports, which contract must say so."""

    contract: str
    importer: str
    imported: str


def named(each: Plant) -> str:
    """Name the plant in the test's report."""
    return f"{each.contract}: {each.importer} -> {each.imported}"


UPWARD = [
    Plant("layers", f"{low}.planted_upward", high) for high, low in itertools.pairwise(LAYERS)
]
INSIDE = [
    Plant("inside", "notifications.models", "notifications.selectors"),
    Plant("inside", "cases.actions", "cases.api"),
    Plant("inside", "cases.selectors", "cases.actions"),
    Plant("inside", "cases.actions", "cases.views"),
    Plant("inside", "workitems.planning", "workitems.actions"),
    Plant("inside", "workitems.actions", "workitems.admin"),
    Plant("inside", "executions.lifecycle", "executions.models"),
    Plant("inside", "executions.errors", "executions.selectors"),
    Plant("inside", "executions.views.batch", "executions.apps"),
    Plant("inside", "accounts.selectors", "accounts.actions"),
    Plant("inside", "accounts.models", "accounts.selectors"),
]
PRIVATE = [
    Plant(f"{app}-models", "config.planted_tables", f"{app}.models")
    for app in (
        "audit",
        "notifications",
        "cases",
        "workitems",
        "executions",
        "compensation",
        "governance",
        "events",
        "web",
        "accounts",
        "ledger",
    )
]
DOMAIN = [
    Plant("domain-http", f"{module}", package)
    for module, package in (
        ("ledger.planted_domain", "rest_framework"),
        ("workitems.models", "rest_framework"),
        ("workitems.lifecycle", "celery"),
        ("cases.actions", "rest_framework"),
        ("compensation.plan", "celery"),
        ("executions.selectors", "rest_framework"),
        ("notifications.events", "celery"),
        ("accounts.errors", "rest_framework"),
    )
]
PLANTS = [
    *UPWARD,
    # Beside each other, and neither knows the other.
    Plant("layers", "json_values.planted_beside", "egress"),
    *INSIDE,
    *PRIVATE,
    *DOMAIN,
    Plant("recording-door", "workitems.planted_door", "ledger.record"),
    Plant("recording-door", "config.planted_door", "ledger.record_sql"),
    Plant("http-models", "workitems.api", "workitems.models"),
    Plant("http-models", "cases.views", "cases.models"),
    Plant("http-models", "notifications.forms", "notifications.models"),
    Plant("http-models", "executions.urls", "executions.models"),
    *(Plant("celery", f"{app}.planted_broker", "celery") for app in LAYERS if app != "config"),
    Plant("domain-http", "json_values.planted_domain", "rest_framework"),
    Plant("sockets", "json_values.planted_socket", "socket"),
    Plant("sockets", "notifications.planted_socket", "socket"),
    Plant("sockets", "workitems.planted_socket", "ssl"),
    Plant("sockets", "cases.planted_socket", "requests"),
    Plant("sockets", "config.planted_socket", "httpx"),
]
# What the contracts except by name, planted too: it must not be reported.
EXCEPTED = [
    Plant("sockets", "tools.localstack.planted_socket", "socket"),
    Plant("sockets", "config.demo.client", "httpx"),
    Plant("sockets", "egress.planted_socket", "httpx"),
    Plant("recording-door", "cases.actions", "ledger.record"),
    Plant("celery", "config.planted_broker", "celery"),
    Plant("http-models", "people.admin", "accounts.models"),
]


def contracts() -> dict[str, str]:
    """Return the name of each contract of the project by its id."""
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    declared = tomllib.loads(text)["tool"]["importlinter"]["contracts"]
    return {each["id"]: each["name"] for each in declared}


def run_linter(folder: Path) -> tuple[int, str]:
    """Run the linter over the tree in `folder`; return its exit status and its report."""
    environment = {"PATH": os.environ["PATH"], "COLUMNS": "400", "NO_COLOR": "1"}
    done = subprocess.run(
        [str(LINTER), "--no-cache", "--no-logo"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def plant(folder: Path, each: Plant) -> None:
    """Append the import to its module, made where there is none yet."""
    path = folder.joinpath(*each.importer.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    file.parent.mkdir(parents=True, exist_ok=True)
    (file.parent / "__init__.py").touch()
    with file.open("a", encoding="utf-8") as module:
        module.write(f"\nimport {each.imported}\n")


def provide(folder: Path, dotted: str) -> None:
    """Make an empty module where the tree has none of that name, so that an import finds it."""
    path = folder.joinpath(*dotted.split("."))
    if path.parent.is_dir() and not path.is_dir() and not path.with_suffix(".py").exists():
        path.with_suffix(".py").touch()


def details(report: str) -> dict[str, str]:
    """Split the report of broken contracts into one text per contract name."""
    _, _, broken = report.partition("Broken contracts\n")
    parts = re.split(r"\n([^\n]+)\n-{3,}\n", broken)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def reports(text: str, each: Plant) -> bool:
    """Tell whether `text` names the planted import."""
    # Importers that share one import are listed above it, the last one with the arrow.
    shared = rf"{re.escape(each.importer)} \(l\.[^\n]*(\n\s*& [^\n]*)*"
    arrow = rf" -> {re.escape(each.imported)}\b"
    return bool(re.search(rf"\b{re.escape(each.importer)}{arrow}|\b{shared}{arrow}", text))


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return what the linter says of each contract on a copy of the tree with every plant in it."""
    folder = tmp_path_factory.mktemp("planted")
    shutil.copy(ROOT / "pyproject.toml", folder)
    for app in LAYERS:
        shutil.copytree(
            ROOT / app,
            folder / app,
            ignore=lambda _folder, names: [n for n in names if "." in n and not n.endswith(".py")],
        )
    for each in (*PLANTS, *EXCEPTED):
        plant(folder, each)
    for each in PLANTS:
        provide(folder, each.imported)
    status, report = run_linter(folder)
    assert status == 1, report
    return details(report)


def test_all_contracts_are_kept() -> None:
    status, report = run_linter(ROOT)
    assert status == 0, report
    assert f"{len(contracts())} kept, 0 broken" in report


def test_each_contract_has_a_plant() -> None:
    assert {each.contract for each in PLANTS} == set(contracts())


def test_each_app_with_tables_keeps_them_private() -> None:
    owners = {app for app in LAYERS if (ROOT / app / "models.py").exists()}
    owners |= {app for app in LAYERS if (ROOT / app / "models").is_dir()}
    assert owners <= {name.removesuffix("-models") for name in contracts()}


@pytest.mark.parametrize("each", PLANTS, ids=named)
def test_a_planted_import_is_reported_by_its_contract(planted: dict[str, str], each: Plant) -> None:
    section = planted.get(contracts()[each.contract], "")
    assert reports(section, each), section or "the contract was kept"


@pytest.mark.parametrize("each", EXCEPTED, ids=named)
def test_an_excepted_import_is_not_reported(planted: dict[str, str], each: Plant) -> None:
    assert not reports(planted.get(contracts()[each.contract], ""), each)
