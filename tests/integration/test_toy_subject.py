"""A kind of thing that `compensation` has never heard of is rolled back like any other."""

from __future__ import annotations

import types
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client, override_settings
from django.urls import include, path

from compensation import urls as compensation_urls
from compensation.api.urls import plan_paths_of_pieces
from compensation.views.plan_request import AskForPlan, address_name
from config import urls
from ledger.tenancy import tenant_scope
from tests.casework import REASON
from tests.clients import api, browser
from tests.draining import drain
from tests.pages import form_of, text_of
from tests.states import actions_of, work
from tests.toys import Box, Toy, filled_box, toys
from tests.verifying import verify
from tests.world import World
from web.verb_api import verb_paths
from workitems.models import WorkItem

API = "/api/v1"
BALL, DOLL, KITE = "ball", "doll", "kite"


@pytest.fixture(autouse=True)
def addresses(world: World) -> Iterator[None]:
    """Toys and boxes are known, and have the addresses that their verbs make."""
    with toys():
        conf = types.ModuleType("toy_urls")
        pages = [
            path(
                f"{route}/<uuid:id>/rollback/",
                AskForPlan.as_view(subject_type=type_),
                name=address_name(type_),
            )
            for type_, route in (("toy_box", "toy-boxes"), ("toy", "toys"))
        ]
        conf.urlpatterns = [  # type: ignore[attr-defined]  # what Django looks for in a URLconf
            path("api/v1/", include((verb_paths("toy_box"), "toy-boxes"))),
            path("api/v1/", include((plan_paths_of_pieces(), "toys"))),
            path("", include(([*pages, *compensation_urls.urlpatterns], "compensation"))),
            *urls.urlpatterns,
        ]
        for name in ("handler400", "handler403", "handler404", "handler500"):
            setattr(conf, name, getattr(urls, name))
        with override_settings(ROOT_URLCONF=conf):
            yield


def _task(world: World, toy: str) -> WorkItem:
    with tenant_scope(world.operator.tenant_id):
        original = Toy.objects.get(name=toy)
        return WorkItem.objects.filter(undoes_id=original.id).order_by("-created_at")[0]


def _undo(world: World, toy: str, outcome: str) -> None:
    work(world.analyst, _task(world, toy).id, outcome)
    drain()


def _stood(world: World, box: Box) -> dict[str, str]:
    with tenant_scope(world.operator.tenant_id):
        status = Box.objects.get(id=box.id).status
        found = {toy.name: toy.compensation_state for toy in Toy.objects.filter(box_id=box.id)}
    return {"box": status, **found}


def _run_of(client: Client, run_id: str) -> dict[str, Any]:
    answer: dict[str, Any] = client.get(f"{API}/compensation-runs/{run_id}").json()
    return {
        "status": answer["status"],
        "steps": [(each["original"]["name"], each["status"]) for each in answer["steps"]],
    }


def _planned(client: Client, thing: str) -> dict[str, Any]:
    answer = client.post(
        f"{API}/{thing}/compensation-plan", {"reason": REASON}, content_type="application/json"
    )
    assert answer.status_code == 201, answer.content
    plan: dict[str, Any] = answer.json()
    return plan


def _executed(client: Client, plan: dict[str, Any]) -> str:
    answer = client.post(
        f"{API}/compensation-plans/{plan['id']}/execute", {}, content_type="application/json",
        headers={"If-Match": f'"{plan["digest"]}"', "Idempotency-Key": uuid.uuid4().hex},
    )  # fmt: skip
    assert answer.status_code == 202, answer.content
    return str(answer.json()["id"])


def test_three_toys_are_put_back_through_api_and_page(world: World) -> None:
    box = filled_box(world.analyst, BALL, DOLL, KITE)
    client, pages = api(world.operator), browser(world.operator)
    plan = _planned(client, f"toy-boxes/{box.id}")
    assert [step["original"]["name"] for step in plan["steps"]] == [KITE, DOLL, BALL]
    preview = pages.get(f"/compensation-plans/{plan['id']}/")
    assert preview.status_code == 200
    assert "The box" in text_of(preview.content)
    run_id = _executed(client, plan)
    drain()
    assert _stood(world, box) == {
        "box": "EMPTYING", KITE: "COMPENSATING", DOLL: "NONE", BALL: "NONE",
    }  # fmt: skip
    _undo(world, KITE, "REVERSED")
    _undo(world, DOLL, "CANNOT_REVERSE")
    assert _run_of(client, run_id) == {
        "status": "FAULTED",
        "steps": [(KITE, "DONE"), (DOLL, "FAILED"), (BALL, "PLANNED")],
    }
    assert _stood(world, box)[BALL] == "NONE"
    at = f"/compensation-runs/{run_id}/steps/2/"
    page = pages.get(at)
    assert page.status_code == 200
    form = form_of(page.content, f"{at}retry/")
    again = pages.post(f"{at}retry/", form)
    assert again.status_code == 303, again.content
    drain()
    _undo(world, DOLL, "REVERSED")
    _undo(world, BALL, "REVERSED")
    assert _run_of(client, run_id) == {
        "status": "COMPLETED",
        "steps": [(name, "DONE") for name in (KITE, DOLL, BALL)],
    }
    assert _stood(world, box) == {
        "box": "EMPTY",
        **dict.fromkeys((BALL, DOLL, KITE), "COMPENSATED"),
    }
    shown = pages.get(f"/compensation-runs/{run_id}/")
    assert shown.status_code == 200
    assert [name in text_of(shown.content) for name in (KITE, DOLL, BALL)] == [True] * 3
    _entries_are_whole(world, box, uuid.UUID(run_id))


def _entries_are_whole(world: World, box: Box, run_id: uuid.UUID) -> None:
    with tenant_scope(world.operator.tenant_id):
        ids = {toy.name: toy.id for toy in Toy.objects.filter(box_id=box.id)}
    undone = ["made", "compensation_started", "compensation_completed"]
    assert actions_of(world, "toy", ids[KITE]) == undone
    assert actions_of(world, "toy", ids[BALL]) == undone
    assert actions_of(world, "toy", ids[DOLL]) == [
        "made", "compensation_started", "compensation_faulted", "compensation_retried",
        "compensation_completed",
    ]  # fmt: skip
    assert actions_of(world, "toy_box", box.id) == ["made", "rollback_started", "rollback_settled"]
    assert actions_of(world, "compensation_run", run_id)[-1] == "compensation_completed"
    verify()


def test_a_plan_is_asked_for_on_the_page_of_a_box(world: World) -> None:
    box = filled_box(world.analyst, BALL)
    at, pages = f"/toy-boxes/{box.id}/rollback/", browser(world.operator)
    page = pages.get(at)
    assert page.status_code == 200
    assert "ball" in text_of(page.content).lower()
    answer = pages.post(at, {"scope": "whole", "reason": REASON})
    assert answer.status_code == 303, answer.content
    plan = pages.get(answer["Location"])
    assert plan.status_code == 200
    assert (
        browser(world.bystander).post(at, {"scope": "whole", "reason": REASON}).status_code == 403
    )
    assert _stood(world, box) == {"box": "FULL", BALL: "NONE"}


def test_one_toy_alone_is_put_back(world: World) -> None:
    box = filled_box(world.analyst, BALL, DOLL)
    with tenant_scope(world.operator.tenant_id):
        ball = Toy.objects.get(box_id=box.id, name=BALL)
    client = api(world.operator)
    run = _executed(client, _planned(client, f"toys/{ball.id}"))
    drain()
    _undo(world, BALL, "REVERSED")
    assert _run_of(client, run) == {"status": "COMPLETED", "steps": [(BALL, "DONE")]}
    assert _stood(world, box) == {"box": "FULL", BALL: "COMPENSATED", DOLL: "NONE"}
    verify()


def test_others_cannot_and_nothing_happens(world: World) -> None:
    box = filled_box(world.analyst, BALL)
    at = f"{API}/toy-boxes/{box.id}/compensation-plan"
    said: Any = {"data": {"reason": REASON}, "content_type": "application/json"}
    assert api(world.bystander).post(at, **said).status_code == 403
    assert api(world.outsider).post(at, **said).status_code == 404
    empty = api(world.operator).post(at, {"reason": " "}, content_type="application/json")
    assert (empty.status_code, empty.json()["errors"][0]["pointer"]) == (422, "/reason")
    assert _stood(world, box) == {"box": "FULL", BALL: "NONE"}
    assert actions_of(world, "toy_box", box.id) == ["made"]
