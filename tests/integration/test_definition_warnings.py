"""What deploying and validating a definition warns of: code, line, column and detail."""

from __future__ import annotations

from typing import Any

import pytest

from cases.actions import deploy_definition
from cases.actions.deploy import DefinitionExists
from cases.definitions.compiler import MAX_WARNINGS
from ledger.errors import NotPermitted
from tests.casework import deploy, open_item, opened
from tests.clients import api, browser
from tests.definitions import definition, human
from tests.pages import text_of
from tests.world import World
from verbs.call import Call
from workitems import actions

V1 = "/api/v1"
SOURCE = """\
dsl: "0.1"
namespace: tests
name: people
version: "1.0.0"
spec:
  goals: [{name: done, kind: success, condition: .look != null}]
  completion: {success: {allOf: [done]}}
  bindings:
    - name: look
      on: {contextChange: {}}
      when: .look == null
      humanTask:
        title: Look at it
        candidateUsers:
          - complianse
          - GOOD
      compensate: unlook
    - name: again
      on: {contextChange: {}}
      when: .look.again and .redone == null
      humanTask: {title: Look again}
      compensation: {mode: human, performer: groups, candidate_users: [GOOD, gone]}
    - name: unlook
      compensation: true
      humanTask: {title: Unlook, candidateUsers: [nobody]}
"""
DETAIL = "{!r} is no active member here; where nobody else is named either, the operators are asked"
UNKNOWN = [
    (15, 13, "/spec/bindings/0/humanTask/candidateUsers/0", "complianse"),
    (22, 78, "/spec/bindings/1/compensation/candidate_users/1", "gone"),
    (25, 51, "/spec/bindings/2/humanTask/candidateUsers/0", "nobody"),
]


def source(world: World) -> str:
    return SOURCE.replace("GOOD", "g").replace("- g\n", f"- {world.compliance.username}\n").replace(
        "[g,", f"[{world.compliance.username},"
    )  # fmt: skip


def expected(world: World) -> list[dict[str, Any]]:
    wider = len(world.compliance.username) - len("GOOD")
    return [
        {
            "code": "unknown_person", "line": line, "pointer": pointer,
            "column": column + (wider if name == "gone" else 0), "detail": DETAIL.format(name),
        }
        for line, column, pointer, name in UNKNOWN
    ]  # fmt: skip


@pytest.mark.parametrize("path", ["case-definitions", "case-definitions/validate"])
def test_a_name_that_is_nobodys_is_a_warning_with_its_line(world: World, path: str) -> None:
    answer = api(world.operator).post(
        f"{V1}/{path}", source(world), content_type="application/yaml"
    )
    assert answer.status_code == (200 if path.endswith("validate") else 201), answer.content
    assert answer.json()["warnings"] == expected(world)


def test_deploying_the_same_again_warns_again(world: World) -> None:
    operator = api(world.operator)
    for _ in range(2):
        sent = operator.post(
            f"{V1}/case-definitions", source(world), content_type="application/yaml"
        )
        assert sent.json()["warnings"] == expected(world)


def test_the_page_of_the_definition_names_the_lines(world: World) -> None:
    api(world.operator).post(
        f"{V1}/case-definitions", source(world), content_type="application/yaml"
    )
    html = browser(world.operator).get("/cases/definitions/tests/people/1.0.0/")
    page = text_of(html.content)
    for line, _column, _pointer, name in UNKNOWN:
        assert f"Line {line} : '{name}'" in page or f"Line {line}: '{name}'" in page, page


def test_people_of_another_organisation_are_nobody_here(world: World) -> None:
    named = source(world).replace("complianse", world.outsider.username)
    answer = api(world.operator).post(
        f"{V1}/case-definitions/validate", named, content_type="application/yaml"
    )
    assert answer.json()["warnings"][0]["detail"] == DETAIL.format(world.outsider.username)


def test_of_very_many_warnings_the_first_are_shown_and_how_many_are_left(world: World) -> None:
    source = definition("many", human("a"), success=".done")
    source["spec"] |= {f"odd{number}": 1 for number in range(MAX_WARNINGS + 7)}
    row = deploy_definition(call=Call(world.operator), source=source)
    assert len(row.warnings) == MAX_WARNINGS + 1
    assert {each.code for each in row.warnings[:-1]} == {"unknown_field"}
    assert row.warnings[-1][1:4] == ("", "7 more warnings are not shown", "more")


def test_a_definition_without_surprises_has_no_warnings(world: World) -> None:
    good = source(world)
    for name in ("complianse", "gone", "nobody"):
        good = good.replace(name, world.surveyor.username)
    answer = api(world.operator).post(
        f"{V1}/case-definitions", good, content_type="application/yaml"
    )
    assert (answer.status_code, answer.json()["warnings"]) == (201, [])


def test_a_group_without_members_is_a_warning_with_its_line(world: World) -> None:
    text = SOURCE.replace("candidateUsers: [nobody]", "candidateGroups: [surveyors, surveyers]")
    text = text.replace("candidate_users: [GOOD, gone]", "candidate_groups: [compliense]")
    text = text.replace("          - complianse\n          - GOOD", "").replace(
        "candidateUsers:", "candidateGroups: [analists]"
    )
    for path in ("case-definitions/validate", "case-definitions"):
        answer = api(world.operator).post(f"{V1}/{path}", text, content_type="application/yaml")
        assert [
            (each["code"], each["line"], each["pointer"]) for each in answer.json()["warnings"]
        ] == [
            ("empty_group", 14, "/spec/bindings/0/humanTask/candidateGroups/0"),
            ("empty_group", 21, "/spec/bindings/1/compensation/candidate_groups/0"),
            ("empty_group", 24, "/spec/bindings/2/humanTask/candidateGroups/1"),
        ]
        assert (
            "'analists' is a group without members here" in (answer.json()["warnings"][0]["detail"])
        )


def test_an_empty_group_may_be_deployed_and_filled_later(world: World) -> None:
    task = {"title": "Look", "candidateGroups": ["later"]}
    deploy(world, definition("later", human("look", humanTask=task)))
    item = open_item(world.operator, opened(world, "tests/later"), "look")
    assert (item.offered_to, item.people_missing) == ("NAMED", [])
    with pytest.raises(NotPermitted):
        actions.claim(item.id, call=Call(world.operator))
    given = actions.assign(item.id, call=Call(world.operator), assignee=world.surveyor.username)
    assert given.assignee_id == world.surveyor.actor_id


def test_the_same_text_again_is_the_same_version_whatever_more_is_read_of_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    call, source = Call(world.operator), definition("again", human("a"))
    first = deploy_definition(call=call, source=source)
    monkeypatch.setattr("cases.actions.deploy.digest", lambda _stored: "read otherwise")
    assert deploy_definition(call=call, source=source).id == first.id
    with pytest.raises(DefinitionExists):
        deploy_definition(call=call, source=definition("again", human("a"), human("b")))
