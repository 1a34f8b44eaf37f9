"""What stands around the work in the long story: an item with everything beside it, the bar for
ticked tasks, saved filters, a plan that was executed, and the pages of the admin."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Callable, Mapping
from urllib.parse import urlencode

from django.contrib.admin import site
from django.urls import reverse
from playwright.sync_api import Page

from executions.models import Execution
from ledger.dispatch import runner
from ledger.models import LedgerVerification
from ledger.tenancy import tenant_scope
from tests.browser.visits import Visit, fold_out
from tests.clients import browser
from tests.integration import workitems_made as items
from tests.sealed import sealed
from tests.world import World
from verbs.call import Call
from workitems.actions import create_work_item, save_filter, start
from workitems.around.additions import ADD
from workitems.around.drafts import save_draft
from workitems.around.progress_reports import report_progress

#: As long as a name may be.
MOST = 150


@dataclasses.dataclass(frozen=True, slots=True)
class Texts:
    """What people write: a word without end, from right to left, at length."""

    unbroken: str
    rtl: str
    words: str

    def all(self, most: int = MOST) -> list[str]:
        """Return each, as long as it may be."""
        return [each[:most].strip() for each in (self.unbroken, self.rtl, self.words)]


def pages_around(
    world: World,
    texts: Texts,
    *,
    cases: Mapping[str, uuid.UUID],
    executed: uuid.UUID,
    failed: uuid.UUID,
) -> dict[str, Visit]:
    """Return the pages; `executed` is a plan, `failed` an item whose undo failed; of
    `cases` one is `stuck`."""
    boss, clerk = world.operator, world.analyst
    around = _around(world, texts, cases["stuck"])
    _filters(world, texts)
    at = reverse("workitems:detail", args=[around])
    every = f"{reverse('workitems:all')}?label={texts.unbroken[:MOST]}"
    return {
        "item, with all around": Visit(clerk, at, then=fold_out),
        "item, around refused": Visit(clerk, at, then=_send_empty("/note/")),
        "how far, refused": Visit(clerk, at, then=_send_empty("/progress/")),
        "inbox, ticked": Visit(boss, "/inbox/", then=_tick_and_send),
        "all work, all asked": Visit(boss, every, then=fold_out),
        "saved filters": Visit(boss, reverse("workitems:filters")),
        "executed plan": Visit(boss, reverse("compensation:plan", args=[executed])),
        **_of_the_admin(world, cases, failed),
    }


def _around(world: World, texts: Texts, case_id: uuid.UUID) -> uuid.UUID:
    """Open a task with deadlines, and put all kinds of things around it."""
    boss, clerk = world.operator, world.analyst
    found = create_work_item(
        call=Call(boss), title=texts.unbroken, assignee=clerk.username, priority="URGENT",
        candidate_groups=[each[:100] for each in texts.all()], excluded_groups=[texts.words[:90]],
        deadlines={
            "claim": {"within": "P1D"}, "start": {"within": "P2D"},
            "completion": {"within": "P30D"}, "follow_up": {"within": "P3D"},
        },
    )  # fmt: skip
    others = [items.opened(world, title=each[:MOST]) for each in texts.all()]
    for who, text in zip((clerk, boss, world.compliance), texts.all(), strict=True):
        call = Call(who)
        ADD["note"](found.id, call=call, text=f"{text}\n{texts.rtl}\n{texts.unbroken}")
        ADD["label"](found.id, call=call, name=text)
        url = f"https://{'a' * 60}.example/{uuid.uuid5(uuid.NAMESPACE_URL, text)}?{'q' * 300}"
        ADD["link"](found.id, call=call, url=url, title=text)
        ADD["attachment"](found.id, call=call, name=f"{text[:140]}.txt", content="Tm90ZQ==")
    ADD["link"](found.id, call=Call(clerk), url=f"https://{'b' * 60}.example/{'x' * 900}")
    with tenant_scope(boss.tenant_id):
        program = Execution.objects.filter(tenant_id=boss.tenant_id).earliest("created_at").id
    ends = [("work_item", others[0].id), ("execution", program), ("case", case_id)]
    for type_, id_ in ends:
        target = {"type": type_, "id": str(id_)}
        ADD["relation"](found.id, call=Call(clerk), type="RELATES_TO", target=target)
    for other in others[1:]:
        target = {"type": "work_item", "id": str(found.id)}
        ADD["relation"](other.id, call=Call(boss), type="BLOCKS", target=target)
    start(found.id, call=Call(clerk))
    steps = [{"name": each, "done": n == 1} for n, each in enumerate(texts.all())]
    report_progress(found.id, call=Call(clerk), dimension="forward", shape="steps", value=steps)
    save_draft(found.id, call=Call(clerk), form={"resolution.note": texts.words + texts.unbroken})
    return found.id


def _filters(world: World, texts: Texts) -> None:
    """Keep more filters than stand above a list."""
    for number in range(4):
        for who, text in zip((world.operator, world.analyst, world.compliance), texts.all(140),
                             strict=True):  # fmt: skip
            save_filter(
                call=Call(who), name=f"{number} {text}", shared=True,
                filter={"label": text, "outcome": texts.unbroken[:MOST], "status": ["PENDING"]},
            )  # fmt: skip


def _of_the_admin(
    world: World, cases: Mapping[str, uuid.UUID], failed: uuid.UUID
) -> dict[str, Visit]:
    """Return the list of each kind of thing and the page of its first, and what is asked between
    an action and its effect."""
    boss, admin = world.operator, world.admin
    sealed(world.system.tenant_id)
    # A check that has ended: another can be asked for.
    tenant_id = world.system.tenant_id
    browser(world.auditor).post(reverse("audit:check"))
    with tenant_scope(tenant_id):
        (check,) = LedgerVerification.objects.filter(tenant_id=tenant_id)
    assert runner.work_row("ledger_verifications", tenant_id, check.id)
    found = {"admin": Visit(boss, reverse("admin:index"))}
    for model in site._registry:  # noqa: SLF001  -- Django's documented name
        label = model._meta.label_lower.replace(".", "_")
        path = reverse(f"admin:{label}_changelist")
        found[f"admin, {label}"] = Visit(admin, path)
        found[f"admin, one of {label}"] = Visit(admin, path, then=_open_first)
    # One that is going on cannot be chosen, and says why.
    ids = ",".join(str(cases[name]) for name in ("planned", "running", "going"))
    roll_back = f"{reverse('admin:cases_case_roll_back')}?{urlencode({'ids': ids})}"
    compensate = reverse("admin:workitems_workitem_compensate")
    found["admin, roll back, broken"] = Visit(boss, roll_back, then=_send_empty("?"))
    found["admin, compensate"] = Visit(boss, f"{compensate}?{urlencode({'ids': failed})}")
    return found


def _open_first(page: Page) -> None:
    page.locator("#result_list tbody th a").first.click()
    page.wait_for_url("**/change/**")


def _send_empty(to: str) -> Callable[[Page], None]:
    """Return what sends the form whose address has `to` in it, without what it asks for."""

    def send(page: Page) -> None:
        page.locator(f"form[method=post][action*='{to}'], .confirm-undo form").first.evaluate(
            "form => { form.querySelectorAll('[type=checkbox]').forEach(it => it.checked = false);"
            " form.noValidate = true; form.requestSubmit(); }"
        )
        page.locator("main [role=alert], .problem").first.wait_for()
        fold_out(page)

    return send


def _tick_and_send(page: Page) -> None:
    """Ask for what needs a word more, with that missing."""
    for each in page.locator(".pick").all()[:3]:
        each.check()
    page.get_by_role("button", name="Cancel the task").click()
    page.locator("#several [role=alert]").wait_for()
    fold_out(page)
