"""A compensation plan as people read it: for the preview page and for the admin.

Runs in the tenant's scope; a constant number of queries, however long the plan is.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.selectors import Person, people
from cases import selectors
from cases.lifecycle import OPEN_ITEMS
from cases.models import CompensationPlan
from cases.words import (
    ALTERNATIVES,
    CANNOT,
    STRATEGIES,
    consequence,
    joined,
    number_of,
    plan_summary,
    said,
    title_of,
)
from executions.actions.within import may_be_cancelled
from ledger.clock import now
from web import graph
from web.describers import Description, Subject, describe
from web.templatetags.amends import state_label
from workitems.lifecycle import OPEN
from workitems.words import basis_words

CONFIRM_ABOVE = 3
LinkOf = Callable[[str, str], str]


@dataclasses.dataclass(frozen=True, slots=True)
class PlanShown:
    """A plan with the names and links of everything it speaks of."""

    plan: CompensationPlan
    described: Mapping[Subject, Description]
    named: Mapping[uuid.UUID, Person]
    open_work: list[dict[str, Any]]

    @property
    def subject(self) -> Description:
        """What the plan is about."""
        return self.described[self.plan.subject_type, self.plan.subject_id]

    @property
    def about(self) -> Subject:
        """Type and id of what the plan is about."""
        return (self.plan.subject_type, self.plan.subject_id)

    @property
    def step(self) -> str:
        """The one step the plan's scope is about, or ""."""
        if self.plan.scope["kind"] == "from_step":
            return str(self.plan.scope["step"])
        chosen = self.plan.scope.get("steps") or [""]
        return str(chosen[0]) if len(chosen) == 1 else ""

    @property
    def choice(self) -> str:
        """The plan's scope as `cases.forms.SCOPES` names it, or "" for another one."""
        if self.plan.scope["kind"] == "steps":
            return "only_this" if self.plan.scope.get("only_this") and self.step else ""
        return str(self.plan.scope["kind"])

    @property
    def confirm_text(self) -> str:
        """What has to be typed before a long or irreversible plan is run; empty for a short one."""
        grave = len(self.plan.content["steps"]) > CONFIRM_ABOVE or self.count_cannot()
        return number_of(self.plan.subject_id) if grave else ""

    def count_cannot(self) -> int:
        """Return how many things stay that somebody may want gone."""
        return sum(each["code"] in CANNOT for each in self.plan.content["excluded"])

    def count(self, mode: str) -> int:
        """Return how many steps are done in one mode."""
        return sum(step["mode"] == mode for step in self.plan.content["steps"])

    @property
    def summary(self) -> str:
        """The plan in a sentence or two."""
        return plan_summary(self.count("human"), self.count("automated"), self.count_cannot())

    @property
    def effect(self) -> str:
        """What happens when it is executed."""
        return consequence(self.count("human"), self.count("automated"), len(self.open_work))


def show(plan: CompensationPlan) -> PlanShown:
    """Read what the plan speaks of: titles, links, people, and open work that it would cancel."""
    content = plan.content
    originals = [each["original"] for each in (*content["steps"], *content["excluded"])]
    subjects: set[Subject] = {(each["type"], uuid.UUID(each["id"])) for each in originals}
    open_rows = _open_work(plan)
    subjects |= {(type_, row.id) for type_, row in open_rows}
    described = describe({*subjects, (plan.subject_type, plan.subject_id)})
    finishers = [step["completed_by"] for step in content["steps"]]
    named = people(uuid.UUID(each) for each in finishers if each)
    shown = [
        {
            "title": title_of(row.binding) or described[type_, row.id].title,
            "url": described[type_, row.id].url,
            "status": row.status,
            "kind": type_,
        }
        for type_, row in open_rows
    ]
    return PlanShown(plan, described, named, shown)


def _open_work(plan: CompensationPlan) -> list[tuple[str, Any]]:
    """Return what is open in the case now and would be cancelled, as executing decides it."""
    if plan.subject_type != "case" or plan.scope.get("only_this", False):
        return []
    items = [item for item in selectors.plan_items(plan.subject_id) if item.status in OPEN_ITEMS]
    rows = selectors.targets(items)
    return [
        (item.type, row)
        for item in items
        if (row := rows.get(item.target_id)) is not None
        and (row.status in OPEN if item.type == "work_item" else may_be_cancelled(row))
    ]


def facts(shown: PlanShown) -> dict[str, Any]:
    """Return `plan` of `cases/preview.html`."""
    plan = shown.plan
    left = plan.expires_at - now()
    return {
        "id": plan.id,
        "digest": plan.digest,
        "expires_at": plan.expires_at,
        "minutes_left": max(1, int(left / dt.timedelta(minutes=1))),
        "expired": left <= dt.timedelta(0),
        "reason": plan.reason,
        "basis": basis_words(plan.regulatory_basis),
        "requires_approval": plan.requires_approval,
        "subject": {"label": shown.subject.title, "url": shown.subject.url},
    }


def tiles(shown: PlanShown) -> list[dict[str, Any]]:
    """Return the four numbers of the preview."""
    codes = [each["code"] for each in shown.plan.content["excluded"]]
    cannot = shown.count_cannot()
    return [
        {"value": len(shown.plan.content["steps"]), "label": _("will be undone"), "tone": ""},
        {"value": codes.count("already_compensated"), "label": _("already undone"), "tone": ""},
        {"value": cannot, "label": _("cannot be undone"), "tone": "bad" if cannot else ""},
        {"value": len(shown.open_work), "label": _("open, will be cancelled"), "tone": ""},
    ]


def steps(shown: PlanShown) -> list[dict[str, Any]]:
    """Return the plan's steps in the order of undoing. Each waits for all before it."""
    return [_step(shown, step) for step in shown.plan.content["steps"]]


def _step(shown: PlanShown, step: Mapping[str, Any]) -> dict[str, Any]:
    found = _described(shown, step["original"])
    human = step["mode"] == "human"
    how = said(STRATEGIES, step["strategy"])
    return {
        "n": step["n"],
        "title": title_of(step["original"]["name"]),
        "url": found.url,
        "detail": _finished(shown, step),
        "mode": step["mode"],
        "how": _("Person · %(how)s") % {"how": how}
        if human
        else _("Automatic · %(how)s") % {"how": how},
        "performer": _performer(shown, step),
        "deadline": "",
        "depends_on": [],
    }


def _finished(shown: PlanShown, step: Mapping[str, Any]) -> str:
    if not step["completed_at"]:
        return ""
    at = timezone.localtime(dt.datetime.fromisoformat(step["completed_at"]))
    moment = date_format(at, "j F H:i")
    if step["original"]["type"] == "execution":
        return _("Finished %(moment)s, automatically") % {"moment": moment}
    who = _name(shown, step["completed_by"])
    if not who:
        return _("Finished %(moment)s") % {"moment": moment}
    return _("Finished %(moment)s by %(who)s") % {"moment": moment, "who": who}


def _performer(shown: PlanShown, step: Mapping[str, Any]) -> str:
    if step["mode"] == "automated":
        return str(step["capability"])
    groups = joined(step["candidate_groups"])
    who = _name(shown, step["completed_by"])
    if step["performer"] == "original_actor":
        return who or groups or _("an operator")
    if step["performer"] == "not_original_actor":
        anyone = groups or _("anybody")
        return _("%(anyone)s, but not %(who)s") % {"anyone": anyone, "who": who} if who else anyone
    return groups or _("an operator")


def _name(shown: PlanShown, actor_id: str | None) -> str:
    person = shown.named.get(uuid.UUID(actor_id)) if actor_id else None
    return "" if person is None else person.name


def excluded(shown: PlanShown, link_of: LinkOf) -> list[dict[str, Any]]:
    """Return what is not undone and what to do instead; `link_of(code, name)` is a URL or "".

    Work that is open and will be cancelled is listed there and not here.
    """
    cancelled = {row["title"] for row in shown.open_work}
    rows = []
    for each in shown.plan.content["excluded"]:
        title = title_of(each["original"]["name"])
        if each["code"] == "not_completed" and title in cancelled:
            continue
        rows.append(
            {
                "title": title,
                "url": _described(shown, each["original"]).url,
                "code": each["code"],
                "detail": each["detail"],
                "alternatives": [
                    {
                        "label": said(ALTERNATIVES, code),
                        "url": link_of(code, each["original"]["name"]),
                    }
                    for code in each["alternatives"]
                ],
            }
        )
    return rows


def figure(shown: PlanShown) -> graph.Figure | None:
    """Return the plan as a picture: what was done, and under it what will undo it, numbered."""
    planned = shown.plan.content["steps"]
    if not planned[1:]:
        return None  # one step needs no picture
    nodes = []
    for step in planned:
        title = title_of(step["original"]["name"])
        own, undo = f"o{step['n']}", f"u{step['n']}"
        nodes.append(
            graph.Node(
                id=own, title=title, subtitle=_("done"),
                label=_("%(what)s, done") % {"what": title},
                order=-step["n"], url=_described(shown, step["original"]).url,
            )
        )  # fmt: skip
        how = state_label(step["mode"], "mode")
        words = _("Undo %(n)d: %(what)s, %(how)s") % {"n": step["n"], "what": title, "how": how}
        nodes.append(
            graph.Node(
                id=undo, title=title, subtitle=how.lower(), tone="undo", lane="undo", dashed=True,
                order=step["n"], reverses=own, label=words,
            )
        )  # fmt: skip
    return graph.layout(
        nodes, graph.in_order(nodes), figure_id="plan", label=_("What will be undone, in order")
    )


def _described(shown: PlanShown, original: Mapping[str, str]) -> Description:
    return shown.described[original["type"], uuid.UUID(original["id"])]


def changes(
    difference: Mapping[str, Any], before: CompensationPlan, after: CompensationPlan
) -> dict[str, list[str]]:
    """Return what moved since a preview, in words: added, removed and otherwise changed steps."""
    names = {
        each["original"]["id"]: each["original"]["name"]
        for plan in (before, after)
        for each in (*plan.content["steps"], *plan.content["excluded"])
    }
    added, removed = difference.get("added", ()), difference.get("removed", ())
    changed = [
        _("%(what)s: %(state)s")
        % {
            "what": title_of(names[each["original"]]),
            "state": state_label(each["now"], "exclusion") if each["now"] else _("can be undone"),
        }
        for each in difference.get("excluded", ())
        if names[each["original"]] not in {*added, *removed}
    ]
    if difference.get("reordered"):
        changed.append(_("the order of the steps"))
    return {
        "added": [title_of(name) for name in added],
        "removed": [title_of(name) for name in removed],
        "changed": changed,
    }
