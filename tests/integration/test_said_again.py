"""What is answered is what is read later; and when two requests are the same."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from ledger.tenancy import tenant_scope
from tests.casework import approved_loan, plan_for
from tests.clients import api
from tests.world import World
from workitems.models import WorkItem

PLACE = "/api/v1/work-items"
JSON: dict[str, Any] = {"content_type": "application/json"}


@pytest.mark.parametrize(
    "number", ["-0.0", "-0", "1e22", "1.50", "1E+2", "-1e-400", "1e-7", "5e300"]
)
def test_a_number_reads_back_as_it_is_answered(world: World, number: str) -> None:
    client = api(world.operator)
    body = f'{{"title": "x", "payload": {{"n": {number}}}}}'
    first = client.post(PLACE, body, **JSON, headers={"Idempotency-Key": "k"})
    made = json.loads(first.content, parse_float=str, parse_int=str)["payload"]
    again = client.post(PLACE, body, **JSON, headers={"Idempotency-Key": "k"})
    later = client.get(first["Location"])
    for answer in (again, later):
        assert json.loads(answer.content, parse_float=str, parse_int=str)["payload"] == made
    assert float(made["n"]) == float(number)
    assert not made["n"].startswith("-0")


def test_a_slash_at_the_end_is_no_other_request(world: World) -> None:
    client = api(world.operator)
    sent = [
        client.post(place, {"title": "x"}, **JSON, headers={"Idempotency-Key": "k"})
        for place in (PLACE, f"{PLACE}/", PLACE)
    ]
    assert [each.status_code for each in sent] == [201, 201, 201]
    assert len({each.json()["id"] for each in sent}) == 1
    other = client.post(f"{PLACE}?a=1", {"title": "x"}, **JSON, headers={"Idempotency-Key": "k"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    with tenant_scope(world.operator.tenant_id):
        assert WorkItem.objects.count() == 1


def test_one_of_several_digests_executes_a_plan(world: World) -> None:
    plan = plan_for(world, approved_loan(world))
    place = f"/api/v1/compensation-plans/{plan.id}/execute"
    client = api(world.operator)

    def sent(tags: str) -> int:
        headers = {"Idempotency-Key": uuid.uuid4().hex, "If-Match": tags}
        return client.post(place, {}, **JSON, headers=headers).status_code

    assert sent("*") == 428
    assert sent(f'W/"{plan.digest}", "other"') == 412
    assert sent(f'"other", "{plan.digest}"') == 202
