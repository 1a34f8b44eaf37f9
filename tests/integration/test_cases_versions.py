"""Which version a case is opened from, over the API and by hand; pages offer every version."""

from __future__ import annotations

from typing import Any

from tests.casework import deploy
from tests.clients import api, browser
from tests.definitions import definition, human
from tests.pages import form_of, text_of
from tests.world import World

DEPLOYED = ("1.10.0", "2.0.0-rc.1", "1.9.0")


def deployed(world: World, *versions: str) -> None:
    """Deploy versions of one definition, in that order."""
    for version in versions:
        source = definition("many", human("a")) | {
            "version": version,
            "summary": f"It is {version}",
        }
        deploy(world, source)


def version_of(world: World, **asked: Any) -> str:
    """Open a case and say from which version."""
    body = {"definition": "tests/many", **asked}
    sent = api(world.operator).post("/api/v1/cases", body, content_type="application/json")
    assert sent.status_code == 201, sent.content
    return str(sent.json()["definition"]["version"])


def test_the_highest_release_is_meant_whenever_it_was_deployed(world: World) -> None:
    deployed(world, *DEPLOYED)
    assert version_of(world) == "1.10.0"
    assert version_of(world, version="2.0.0-rc.1") == "2.0.0-rc.1"
    deployed(world, "1.11.0+build.7", "1.2.3")
    assert version_of(world) == "1.11.0+build.7"


def test_a_pre_release_is_meant_where_there_is_nothing_else(world: World) -> None:
    deployed(world, "1.0.0-rc.2", "1.0.0-rc.10", "1.0.0-alpha")
    assert version_of(world) == "1.0.0-rc.10"


def test_a_version_that_is_not_there_is_named(world: World) -> None:
    deployed(world, *DEPLOYED)
    body = {"definition": "tests/many", "version": "1.9"}
    sent = api(world.operator).post("/api/v1/cases", body, content_type="application/json")
    assert (sent.status_code, sent.json()["errors"][0]["pointer"]) == (422, "/version")


def test_every_version_can_be_started_by_hand(world: World) -> None:
    deployed(world, *DEPLOYED)
    client = browser(world.operator)
    page = client.get("/cases/new/")
    said = text_of(page.content)
    assert "1.10.0 · It is 1.10.0" in said
    assert [f"Many, version {each}" in said for each in ("2.0.0-rc.1", "1.9.0", "1.10.0")] == [
        True, True, False,
    ]  # fmt: skip
    assert page.context["form"].initial == {"definition": "tests/many 1.10.0"}
    for asked, chosen in (("tests/many", "1.10.0"), ("tests/many 1.9.0", "1.9.0")):
        shown = client.get("/cases/new/", {"definition": asked})
        hidden = form_of(shown.content, "/cases/new/")
        assert hidden["definition"] == f"tests/many {chosen}"
    form = {"definition": "tests/many 1.9.0", "title": "", "context": ""}
    assert client.post("/cases/new/", form).status_code == 303
    [case] = api(world.operator).get("/api/v1/cases").json()["results"]
    assert case["definition"]["version"] == "1.9.0"


def test_the_page_of_a_version_leads_to_the_others(world: World) -> None:
    deployed(world, *DEPLOYED)
    page = browser(world.auditor).get("/cases/definitions/tests/many/1.9.0/")
    shown = [
        (each["version"], each["current"], each["default"]) for each in page.context["versions"]
    ]
    assert shown == [
        ("2.0.0-rc.1", False, False), ("1.10.0", False, True), ("1.9.0", True, False),
    ]  # fmt: skip
    html = page.content.decode()
    assert 'href="/cases/definitions/tests/many/2.0.0-rc.1/"' in html
    assert "used where no version is named" in html
