"""How work and people are found: by title and words, by the number of the case, by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy

from accounts.selectors import members_called
from verbs.subject import describe
from web.search import MOST, Asked, Group, Hit, titled
from workitems.finding import item_texts
from workitems.lifecycle import Kind
from workitems.models import WorkItem
from workitems.selectors import visible


def work_called(asked: Asked) -> Iterator[Group]:
    """Find tasks, and tasks that undo: of the case of that number, of these words where they are
    few, and of that title."""
    rows = visible(asked.who.tenant_id).prefetch_related(None)
    asked_for = {
        "tasks": rows.exclude(kind=Kind.COMPENSATION),
        "undo": rows.filter(kind=Kind.COMPENSATION),
    }
    # Of many the search shows the newest anyway, by their titles.
    by_words = item_texts.called(asked.who.tenant_id, asked.text)
    found = {
        name: titled(
            each,
            asked.text,
            each.filter(case_id__in=asked.cases),
            among=rows,
            also=[each.filter(by_words.q)] if by_words.few else [],
        )
        for name, each in asked_for.items()
    }
    cases = {("case", row.case_id) for rows, _all in found.values() for row in rows if row.case_id}
    titles = {ref: each.title for ref, each in describe(asked.who.tenant_id, cases).items()}
    look_further = reverse("workitems:all")
    for name, label, icon, kind in (
        ("tasks", gettext_lazy("Tasks"), "inbox", ""),
        ("undo", gettext_lazy("Undo tasks"), "undo-2", Kind.COMPENSATION),
    ):
        rows_found, is_all = found[name]
        # Those of the case of that number come first: where they fill all of it, more are there.
        of_case = bool(rows_found) and all(vars(row)["part"] == 0 for row in rows_found)
        called = {"case" if of_case else "q": asked.text}
        query = urlencode({**called, **({"kind": kind} if kind else {})})
        yield Group(label, icon, _hits(rows_found, titles), is_all, f"{look_further}?{query}")


def _hits(rows: Sequence[WorkItem], titles: Mapping[tuple[str, Any], str]) -> list[Hit]:
    return [
        Hit(
            row.title,
            reverse("workitems:detail", args=[row.id]),
            titles.get(("case", row.case_id), ""),
            str(row.status),
            row.subject_type,
        )
        for row in rows
    ]


def people_called(asked: Asked) -> Iterator[Group]:
    """Find members by name, each with what is theirs."""
    people = members_called(asked.who.tenant_id, asked.text, MOST + 1)
    work = reverse("workitems:all")
    hits = [
        Hit(each.name, f"{work}?{urlencode({'assignee': each.username})}", each.username)
        for each in people[:MOST]
    ]
    yield Group(gettext_lazy("People, and their work"), "users", hits, len(people) <= MOST)
