"""From a request to a verb: usernames into actors, query parameters into filters."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet

from accounts.selectors import actors_by_username
from cases import selectors
from cases.lifecycle import CaseStatus, RunStatus
from ledger.errors import Invalid
from web.inputs import Given


def performer(given: Given) -> dict[str, Any]:
    """Return who shall do an undo. Raises Invalid for an unknown username."""
    username = given.get("assignee")
    found = actors_by_username([username]) if username else {}
    if username and username not in found:
        message = f"no active member is called {username!r}"
        raise Invalid.field("/assignee", message, code="unknown")
    return {
        "assignee": found.get(username) if username else None,
        "candidate_groups": tuple(given.get("candidate_groups") or ()),
    }


def cases(query: Mapping[str, str]) -> QuerySet[Any]:
    """Return the cases a list asks for: `status`, `definition` (namespace/name)."""
    rows = selectors.cases()
    if "status" in query:
        rows = rows.filter(status=_choice("status", query["status"], CaseStatus.values))
    if "definition" in query:
        namespace, _, name = _text("definition", query["definition"]).partition("/")
        rows = rows.filter(definition__namespace=namespace, definition__name=name)
    return rows


def runs(query: Mapping[str, str]) -> QuerySet[Any]:
    """Return the runs a list asks for: `status`, `case`."""
    rows = selectors.runs()
    if "status" in query:
        rows = rows.filter(status=_choice("status", query["status"], RunStatus.values))
    if "case" in query:
        rows = rows.filter(case_id=_id("case", query["case"]))
    return rows


def _choice(name: str, value: str, known: list[str]) -> str:
    if value not in known:
        raise Invalid.field(name, f"{name}: must be one of {', '.join(known)}")
    return value


def _text(name: str, value: str) -> str:
    if "\x00" in value:
        raise Invalid.field(name, f"{name}: may not contain NUL")
    return value


def _id(name: str, value: str) -> uuid.UUID:
    try:
        return uuid.UUID(value)
    except ValueError:
        raise Invalid.field(name, f"{name}: must be an id") from None
