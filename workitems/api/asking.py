"""From a request to a verb: the door's arguments, and usernames into actors."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

from accounts.acting import ActingUser
from accounts.selectors import actors_by_username
from ledger.errors import Invalid
from web.inputs import Given
from workitems.actions.compensating import Wish
from workitems.actions.door import Asked


def through(verb: Callable[..., Any]) -> Callable[..., Any]:
    """Return `verb` as `TenantAPIView.act` calls it: the door's arguments become one `Asked`."""

    def call(
        *subject: Any,
        acting_user: ActingUser,
        invalid: Invalid | None,
        expected_version: int | None = None,
        **members: Any,
    ) -> Any:
        asked = Asked(expected_version=expected_version, invalid=invalid)
        return verb(*subject, **members, acting_user=acting_user, asked=asked)

    return call


def actor_named(username: str | None, *, pointer: str = "/assignee") -> uuid.UUID | None:
    """Return the active member of this name; None for None. Raises Invalid for an unknown name."""
    if username is None:
        return None
    found = actors_by_username([username]).get(username)
    if found is None:
        raise Invalid.field(pointer, f"no active member is called {username!r}", code="unknown")
    return found


def assignee(given: Given) -> dict[str, Any]:
    """Return the arguments of `assign`."""
    return {"assignee": actor_named(given["assignee"])}


def performer(given: Given) -> dict[str, Any]:
    """Return who shall do an undo, for `reassign_compensation` and `hand_to_human`."""
    return {
        "assignee": actor_named(given.get("assignee")),
        "candidate_groups": tuple(given.get("candidate_groups") or ()),
    }


def wish(given: Given) -> dict[str, Any]:
    """Return the arguments of `compensate`."""
    return {
        "wish": Wish(
            reason=given.get("reason"),
            regulatory_basis=given.get("regulatory_basis"),
            strategy=given.get("strategy"),
            mode=given.get("mode"),
            **performer(given),
        )
    }
