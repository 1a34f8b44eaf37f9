"""What operators do with templates and schedules on pages and in the admin, and several at once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ledger.selectors import entries_of
from ledger.tenancy import tenant_scope
from tests.clients import browser
from tests.integration.test_item_templates import PAYSLIP
from tests.integration.workitems_made import page
from tests.world import World
from verbs.call import Call
from workitems import actions, selectors
from workitems.models import WorkItem, WorkItemTemplate
from workitems.schedules.schedule_tables import Schedule

#: What the form of a version holds of `PAYSLIP` while nobody has changed it.
SENT: dict[str, str] = {
    "title": PAYSLIP["title"],
    "description": PAYSLIP["description"],
    "candidate_groups": "analysts",
    "candidate_users": "",
    "permitted_outcomes": "PASSED, FAILED",
    "priority": "HIGH",
    "input_schema": json.dumps(PAYSLIP["input_schema"]),
    "rest": json.dumps(
        {
            name: PAYSLIP[name]
            for name in (
                "payload",
                "excluded_groups",
                "resolution_schema",
                "compensation",
                "reversibility",
                "deadlines",
                "skippable",
            )
        }
    ),
}


def added(world: World, **more: Any) -> WorkItemTemplate:
    return actions.add_template(call=Call(world.operator), **{**PAYSLIP, **more})


def versions(world: World, name: str = PAYSLIP["name"]) -> list[WorkItemTemplate]:
    with tenant_scope(world.operator.tenant_id):
        return list(selectors.templates(world.operator.tenant_id, name).order_by("version"))


def said_of(world: World) -> list[str]:
    with tenant_scope(world.operator.tenant_id):
        found = entries_of(world.operator.tenant_id, "tenant", world.operator.tenant_id)
    return [each.action for each in found]


def test_a_version_is_added_on_its_page(world: World) -> None:
    first = added(world)
    client = browser(world.operator)
    one = f"/work-items/templates/{first.id}/"
    assert f'href="{one}new-version/"' in page(client, one)
    html = page(client, f"{one}new-version/")
    assert 'value="PASSED, FAILED"' in html
    assert "&quot;skippable&quot;: true" in html
    changed = {**SENT, "title": "Look at {applicant}", "permitted_outcomes": "GOOD, BAD"}
    sent = client.post(f"{one}new-version/", changed)
    assert sent.status_code == 303
    old, new = versions(world)
    assert sent.headers["Location"] == f"/work-items/templates/{new.id}/"
    assert (old.content, new.version) == (first.content, 2)
    expected = {**first.content, "title": "Look at {applicant}"}
    assert new.content == {**expected, "permitted_outcomes": ["GOOD", "BAD"]}
    assert said_of(world).count("template_added") == 2


def test_the_same_content_again_is_no_other_version(world: World) -> None:
    first = added(world)
    sent = browser(world.operator).post(f"/work-items/templates/{first.id}/new-version/", SENT)
    assert sent.headers["Location"] == f"/work-items/templates/{first.id}/"
    assert [row.id for row in versions(world)] == [first.id]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"rest": "[1]"}, "Write an object"),
        ({"rest": '{"title": "Other"}'}, "title: it is said above"),
        ({"rest": '{"colour": "red"}'}, "/colour: There is no field &#x27;colour&#x27; here."),
        (
            {"rest": '{"deadlines": {"completion": {"within": "P1Y"}}}'},
            "/deadlines/completion/within",
        ),
        ({"candidate_users": "nobody.here"}, "/0: no active member is called"),
        ({"title": ""}, "This field is required."),
    ],
)
def test_a_version_that_breaks_a_rule_is_not_added(
    world: World, wrong: dict[str, str], words: str
) -> None:
    first = added(world)
    client = browser(world.operator)
    answer = client.post(f"/work-items/templates/{first.id}/new-version/", {**SENT, **wrong})
    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert [row.id for row in versions(world)] == [first.id]


def test_outcomes_with_labels_are_kept_as_they_are(world: World) -> None:
    outcomes = [{"name": "OK", "label": "Fine"}, "NO"]
    first = added(world, permitted_outcomes=outcomes)
    client = browser(world.operator)
    html = page(client, f"/work-items/templates/{first.id}/new-version/")
    assert "&quot;label&quot;: &quot;Fine&quot;" in html
    rest = {**json.loads(SENT["rest"]), "permitted_outcomes": outcomes}
    changed = {**SENT, "permitted_outcomes": "", "rest": json.dumps(rest), "priority": "LOW"}
    client.post(f"/work-items/templates/{first.id}/new-version/", changed)
    assert versions(world)[1].content == {**first.content, "priority": "LOW"}


def test_a_version_is_ended_on_its_page(world: World) -> None:
    row = added(world)
    client, one = browser(world.operator), f"/work-items/templates/{row.id}/"
    assert f'"{one}end/"' in page(client, one)
    assert client.post(f"{one}end/").status_code == 303
    [ended] = versions(world)
    assert ended.ended_at is not None
    html = page(client, one)
    assert f'"{one}end/"' not in html
    assert 'name="payload.applicant"' not in html


def test_who_only_works_adds_and_ends_none(world: World) -> None:
    row = added(world)
    client, one = browser(world.analyst), f"/work-items/templates/{row.id}/"
    html = page(client, one)
    assert (f"{one}new-version/" in html, f"{one}end/" in html) == (False, False)
    assert client.get(f"{one}new-version/").status_code == 403
    assert client.post(f"{one}new-version/", SENT).status_code == 403
    assert client.post(f"{one}end/").status_code == 403
    [kept] = versions(world)
    assert kept.ended_at is None


def scheduled(world: World) -> Schedule:
    template = actions.add_template(call=Call(world.operator), name="Lock up", title="Lock up")
    return actions.add_schedule(
        call=Call(world.operator), name="Every Monday", template=str(template.id),
        cron="0 8 * * MON", zone="Europe/Zurich", values={"priority": "HIGH"},
    )  # fmt: skip


def read(world: World, row: Schedule) -> Schedule:
    with tenant_scope(world.operator.tenant_id):
        return Schedule.objects.get(id=row.id)


def test_a_schedule_is_changed_on_a_page(world: World) -> None:
    row = scheduled(world)
    client, url = browser(world.operator), f"/work-items/schedules/{row.id}/edit/"
    assert f'href="{url}"' in page(client, "/work-items/schedules/")
    assert f'href="{url}"' not in page(browser(world.analyst), "/work-items/schedules/")
    html = page(client, url)
    assert 'value="0 8 * * MON"' in html
    assert "&quot;priority&quot;: &quot;HIGH&quot;" in html
    said = {
        "name": "Every Monday", "template": str(row.template_id), "cron": "0 9 * * TUE",
        "zone": "Europe/Zurich", "values": "", "version": "1",
    }  # fmt: skip
    assert client.post(url, said).status_code == 303
    now_ = read(world, row)
    assert (now_.cron, now_.values, now_.active, now_.version) == ("0 9 * * TUE", {}, False, 2)
    # The page was made of version 1.
    assert client.post(url, {**said, "active": "on"}).status_code == 412
    broken = client.post(url, {**said, "version": "2", "cron": "never"})
    assert broken.status_code == 422
    assert read(world, row).version == 2
    assert browser(world.analyst).post(url, said).status_code == 403


def several(world: World) -> list[tuple[int, int, str]]:
    with tenant_scope(world.operator.tenant_id):
        rows = WorkItem.objects.filter(one_of__isnull=False).select_related("one_of")
        groups = {row.one_of for row in rows}
    return [(each.instances, each.required, each.on_met) for each in groups if each is not None]


def test_a_new_task_may_be_for_several_people(world: World) -> None:
    client = browser(world.operator)
    assert "Ask several people" in page(client, "/work-items/new/")
    said = {"title": "Decide", "priority": "MEDIUM", "permitted_outcomes": "YES, NO"}
    group = {
        "group.instances": "5", "group.required": "3", "group.on_met": "cancel",
        "group.outcomes": "YES",
    }  # fmt: skip
    wrong = client.post("/work-items/new/", {**said, **group, "group.outcomes": "MAYBE"})
    assert wrong.status_code == 422
    assert "is no permitted outcome" in wrong.content.decode()
    lacking = client.post("/work-items/new/", {**said, "group.instances": "2"})
    assert lacking.status_code == 422
    assert several(world) == []
    assert client.post("/work-items/new/", {**said, **group}).status_code == 303
    assert several(world) == [(5, 3, "cancel")]


def test_a_task_of_a_template_may_be_for_several_people(world: World) -> None:
    group = {"instances": 3, "required": 2, "on_met": "suspend"}
    row = actions.add_template(call=Call(world.operator), name="Vote", title="Vote", group=group)
    client, url = browser(world.analyst), f"/work-items/templates/{row.id}/"
    html = page(client, url)
    assert 'name="group.instances" value="3"' in html
    same = {"group.instances": "3", "group.required": "2", "group.on_met": "suspend"}
    assert client.post(url, same).status_code == 303
    assert several(world) == [(3, 2, "suspend")]
    # Without numbers there is one task, whatever the template says.
    assert client.post(url, {"title": "Alone"}).status_code == 303
    assert several(world) == [(3, 2, "suspend")]
    assert client.post(url, {**same, "group.instances": "4"}).status_code == 303
    assert sorted(several(world)) == [(3, 2, "suspend"), (4, 2, "suspend")]


def test_the_admin_shows_templates_and_makes_tasks_of_them(world: World) -> None:
    row = added(world)
    client = browser(world.operator)
    listed = "/admin/workitems/workitemtemplate/"
    assert PAYSLIP["name"] in page(client, listed)
    assert "Check the payslip of {applicant}" in page(client, f"{listed}{row.id}/change/")
    chosen = {"action": "make_task", "_selected_action": str(row.id)}
    led = client.post(listed, chosen)
    there = f"{listed}{row.id}/make-task/"
    assert (led.status_code, led.headers["Location"]) == (302, there)
    assert 'name="payload.applicant"' in page(client, there)
    wrong = client.post(there, {"payload.applicant": "Amara", "payload.income": "much"})
    assert wrong.status_code == 422
    made = client.post(there, {"payload.applicant": "Amara", "payload.income": "3100"})
    assert (made.status_code, made.headers["Location"]) == (302, listed)
    with tenant_scope(world.operator.tenant_id):
        [item] = WorkItem.objects.filter(tenant_id=world.operator.tenant_id)
    assert (item.title, item.created_by_id) == (
        "Check the payslip of Amara", world.operator.actor_id,
    )  # fmt: skip
    assert browser(world.auditor).get(there).status_code == 403
    assert browser(world.analyst).get(there).status_code == 403
    assert client.post(f"{listed}add/").status_code == 403
