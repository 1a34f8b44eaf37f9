"""The OpenAPI document: whole, without warnings, and the committed copy is the present one."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.management import call_command
from django.test import Client

COMMITTED = Path(__file__).resolve().parents[2] / "docs" / "reference" / "openapi.yaml"


def test_the_committed_document_is_the_present_one(tmp_path: Path) -> None:
    written = tmp_path / "openapi.yaml"
    # Warnings of the generator (an operation nobody described) fail here too.
    call_command("spectacular", file=str(written), validate=True, fail_on_warn=True)
    assert written.read_text() == COMMITTED.read_text(), "run `make schema` and commit the result"


def test_the_document_is_served_as_openapi_3_1(db: None) -> None:
    response = Client().get("/api/v1/schema/", headers={"Accept": "application/json"})
    assert response.status_code == 200
    assert response.json()["openapi"] == "3.1.0"
    assert {"bearer", "session"} <= set(response.json()["components"]["securitySchemes"])


@pytest.mark.parametrize("query", ["", "?script="], ids=["page", "script"])
def test_the_explorer_needs_nothing_inline_and_nobody_else(db: None, query: str) -> None:
    response = Client().get(f"/api/v1/docs/{query}")
    body = response.content.decode()
    assert response.status_code == 200
    assert "<style" not in body
    assert "<script>" not in body
    assert "https://" not in body
    assert "default-src 'none'" in response["Content-Security-Policy"]


def test_every_operation_says_in_one_line_what_it_does(db: None) -> None:
    found = Client().get("/api/v1/schema/", headers={"Accept": "application/json"}).json()
    summaries = {
        f"{method} {path}": operation.get("summary", "")
        for path, operations in found["paths"].items()
        for method, operation in operations.items()
    }
    assert {name: said for name, said in summaries.items() if not 10 < len(said) < 120} == {}
    assert summaries["post /api/v1/work-items/{id}/complete"] == (
        "Work item: finish it with an outcome and a resolution"
    )
    assert summaries["get /api/v1/cases/{id}/timeline"] == "Case timeline: list them, newest first"
    assert summaries["post /api/v1/compensation-runs/{id}/steps/{n}/retry"] == (
        "Compensation run step: try the same undo again"
    )
