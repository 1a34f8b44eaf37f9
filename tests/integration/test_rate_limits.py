"""Who asks too often waits, and nothing of what was refused has happened."""

from __future__ import annotations

import secrets
import time
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.test.utils import override_script_prefix

from cases.models import CaseDefinition
from ledger.tenancy import tenant_scope
from tests import states
from tests.casework import LOAN
from tests.clients import api, browser
from tests.integration.foundation_calls import code
from tests.world import PASSWORD, World
from web import rate_limits

ITEMS = "/api/v1/work-items"
LOG_IN = "/accounts/login/"
DEFINITIONS = "/api/v1/case-definitions"
# A minute that lasts: its end must not fall into a test.
MOMENT = 1_899_999_970.0


@pytest.fixture
def rates(settings: Any) -> Any:
    """The settings, which hold for one test."""
    return settings


@pytest.fixture(autouse=True)
def _counts(monkeypatch: pytest.MonkeyPatch) -> None:
    # Other processes of the suite count in the same Redis.
    monkeypatch.setattr(rate_limits, "PREFIX", secrets.token_hex())
    monkeypatch.setattr(time, "time", lambda: MOMENT)


def limited(rates: Any, **most: int) -> None:
    rates.AMENDS_RATES = {**rates.AMENDS_RATES, **most}


def is_refused(response: Any) -> None:
    assert code(response) == (429, "throttled")
    assert response.headers["Content-Type"] == "application/problem+json"
    assert response.headers["Retry-After"] == "50"


def test_one_token_is_slowed_and_its_twin_is_not(world: World, rates: Any) -> None:
    limited(rates, token=2)
    first, second = api(world.analyst), api(world.analyst)
    item = states.new_item(world.operator)
    assert [first.get(ITEMS).status_code for _ in range(2)] == [200, 200]
    is_refused(first.post(f"{ITEMS}/{item.id}/claim", {}, content_type="application/json"))
    assert states.stored(world, item.id).status == "PENDING"
    assert len(states.history(world, "work_item", item.id)) == 1
    assert second.get(ITEMS).status_code == 200


def test_one_user_is_slowed_over_all_tokens_and_browsers(world: World, rates: Any) -> None:
    limited(rates, user=3)
    page = browser(world.analyst)
    assert page.get("/inbox/").status_code == 200
    assert api(world.analyst).get(ITEMS).status_code == 200
    assert api(world.analyst).get(ITEMS).status_code == 200
    is_refused(api(world.analyst).get(ITEMS))
    refused = page.get("/inbox/")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "50")
    assert b"Too many requests" in refused.content
    assert api(world.surveyor).get(ITEMS).status_code == 200


def test_one_address_is_slowed_whoever_asks(world: World, rates: Any) -> None:
    limited(rates, address=2)
    rates.AMENDS_TRUSTED_PROXIES = ["127.0.0.1/32"]

    def asked(who: Client, address: str) -> Any:
        return who.get(ITEMS, headers={"X-Forwarded-For": address})

    assert asked(api(world.analyst), "203.0.113.9").status_code == 200
    assert asked(Client(), "203.0.113.9").status_code == 401
    is_refused(asked(api(world.surveyor), "203.0.113.9"))
    assert asked(api(world.surveyor), "203.0.113.10").status_code == 200
    rates.AMENDS_TRUSTED_PROXIES = []
    assert [asked(Client(), f"203.0.113.{at}").status_code for at in range(3)] == [401, 401, 429]


def test_the_next_minute_is_another(
    world: World, rates: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited(rates, token=1)
    client = api(world.analyst)
    assert [client.get(ITEMS).status_code for _ in range(2)] == [200, 429]
    monkeypatch.setattr(time, "time", lambda: MOMENT + 50)
    assert [client.get(ITEMS).status_code for _ in range(2)] == [200, 429]


def test_many_names_from_one_address_are_slowed(world: World, rates: Any) -> None:
    limited(rates, login_failures=20)
    got = [
        Client().post(LOG_IN, {"username": f"guess-{at}", "password": "guess"}).status_code
        for at in range(30)
    ]
    assert got == [200] * 20 + [429] * 10
    good = {"username": world.analyst.username, "password": PASSWORD}
    refused = Client().post(LOG_IN, good)
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "50")
    assert refused.cookies.get("sessionid") is None
    assert Client().get(LOG_IN).status_code == 200
    # The admin has no log-in of its own.
    assert Client().post("/admin/login/", good).headers["Location"].startswith(LOG_IN)


def test_a_log_in_below_a_prefix_is_slowed_too(world: World, rates: Any) -> None:
    limited(rates, login_failures=2)
    wrong = {"username": world.analyst.username, "password": "guess"}
    with override_script_prefix("/x/"):
        got = [Client().post(LOG_IN, wrong, SCRIPT_NAME="/x") for _ in range(3)]
    assert [each.status_code for each in got] == [200, 200, 429]
    assert Client().post(LOG_IN, wrong).status_code == 429


def test_who_logs_in_rightly_is_not_counted(world: World, rates: Any) -> None:
    limited(rates, login_failures=1)
    good = {"username": world.analyst.username, "password": PASSWORD}
    assert [Client().post(LOG_IN, good).status_code for _ in range(3)] == [302] * 3


def test_unknown_tokens_are_slowed_and_good_ones_go_on(
    world: World, rates: Any, django_assert_num_queries: Any
) -> None:
    limited(rates, unknown_tokens=2)
    good = api(world.analyst)

    def guess(token: str) -> Any:
        return Client().get(ITEMS, headers={"Authorization": f"Bearer {token}"})

    assert [guess("guess").status_code for _ in range(2)] == [401, 401]
    # The longest way to no: one question, by an index, in a transaction.
    with django_assert_num_queries(4):
        is_refused(guess("guess"))
    is_refused(guess("two words"))
    assert good.get(ITEMS).status_code == 200
    assert browser(world.analyst).get(ITEMS).status_code == 200


def test_failed_log_ins_hinder_nobody_who_is_in(world: World, rates: Any) -> None:
    limited(rates, login_failures=2)
    page, good = browser(world.analyst), api(world.analyst)
    wrong = {"username": "guess", "password": "guess"}
    assert [Client().post(LOG_IN, wrong).status_code for _ in range(3)] == [200, 200, 429]
    assert page.get("/inbox/").status_code == 200
    assert good.get(ITEMS).status_code == 200
    rates.AMENDS_TRUSTED_PROXIES = ["127.0.0.1/32"]
    right = {"username": world.analyst.username, "password": PASSWORD}
    elsewhere = Client().post(LOG_IN, right, headers={"X-Forwarded-For": "203.0.113.9"})
    assert elsewhere.status_code == 302


def test_definitions_have_a_limit_of_their_own(world: World, rates: Any) -> None:
    limited(rates, definitions=2)
    client = api(world.operator)

    def sent(url: str) -> Any:
        return client.post(url, LOAN, content_type="application/yaml")

    assert [sent(f"{DEFINITIONS}/validate").status_code for _ in range(2)] == [200, 200]
    is_refused(sent(DEFINITIONS))
    with tenant_scope(world.operator.tenant_id):
        assert not CaseDefinition.objects.exists()
    assert client.get(DEFINITIONS).status_code == 200


def test_definitions_are_counted_over_pages_and_api(world: World, rates: Any) -> None:
    limited(rates, definitions=2)
    page = browser(world.operator)
    assert page.post("/cases/definitions/", {"source": "no: definition"}).status_code == 422
    check = f"{DEFINITIONS}/validate"
    sent = api(world.operator).post(check, LOAN, content_type="application/yaml")
    assert sent.status_code == 200
    refused = page.post("/cases/definitions/", {"source": LOAN})
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "50")
    with tenant_scope(world.operator.tenant_id):
        assert not CaseDefinition.objects.exists()
    assert page.get("/cases/definitions/").status_code == 200


@pytest.mark.parametrize("url", ["", "unix:///nowhere/redis.sock?db=0"], ids=["none", "away"])
def test_without_a_redis_each_process_counts_by_itself(
    world: World, rates: Any, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    limited(rates, token=2)
    monkeypatch.setattr(rate_limits, "counts", rate_limits.Counts(url))
    client = api(world.analyst)
    assert [client.get(ITEMS).status_code for _ in range(3)] == [200, 200, 429]


def test_processes_count_together_in_redis() -> None:
    shared = settings.AMENDS_RATES_REDIS
    assert shared
    one, other = rate_limits.Counts(shared), rate_limits.Counts(shared)
    key = secrets.token_hex()
    assert one.asked([key], ["nobody"]) == [1, 0]
    assert other.asked([], [key]) == [1]
    assert other.asked([key]) == [2]
