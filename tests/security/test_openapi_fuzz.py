"""No request that can be made from the served description is answered otherwise than described.

Every operation as a member, an operator and an auditor, with all checks of schemathesis: no fault
of ours, no status, content type, header or body that is not described, nothing accepted that breaks
the description, nothing refused that keeps it, and nobody let in without a token.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from django.core import signals
from django.db import close_old_connections
from pytest_django.plugin import DjangoDbBlocker
from rest_framework.request import Request
from rest_framework.response import Response

from executions.api.views import Capabilities
from tests import casework
from tests.draining import leave_behind
from tests.security.described import OPERATIONS, PEOPLE, Allowance, Conversation
from tests.world import World, make_world

# For all of them together; what is not sent by then is left out, but never an operation.
SECONDS = 150


@pytest.fixture(scope="module")
def cast(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[World]:
    """One tenant for all of them, with a case that is being rolled back in every list."""
    of_requests = (signals.request_started, signals.request_finished)
    for signal in of_requests:
        # As Django's own test client does: one connection serves all requests.
        signal.disconnect(close_old_connections)
    with django_db_blocker.unblock():
        leave_behind()
        world = make_world()
        casework.roll_back(world, casework.approved_loan(world))
        yield world
    for signal in of_requests:
        signal.connect(close_old_connections)


@pytest.fixture(scope="module")
def allowance() -> Allowance:
    """Return the time of all conversations together."""
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    return Allowance(SECONDS, conversations=len(OPERATIONS) * len(PEOPLE), processes=processes)


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("label", sorted(OPERATIONS))
def test_an_operation_answers_as_described(
    cast: World, allowance: Allowance, label: str, who: str
) -> None:
    conversation = Conversation(cast, who, OPERATIONS[label], allowance.share())
    conversation.hold()
    allowance.took(conversation.took)
    assert not conversation.found, "\n\n".join(conversation.found.values())


def test_what_is_not_described_is_found(cast: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def strange(_self: Capabilities, _request: Request) -> Response:
        return Response({"nothing": "like it"}, status=418)

    monkeypatch.setattr(Capabilities, "get", strange)
    conversation = Conversation(cast, "analyst", OPERATIONS["GET /api/v1/capabilities"], 1.0)
    conversation.hold()
    assert {tuple(kind.split()[:2]) for kind in conversation.found} == {
        ("UndefinedStatusCode", "418"),
        ("RejectedPositiveData", "418"),
    }
