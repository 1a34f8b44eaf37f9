"""A compensation plan as people read it: for the preview page and for the admin.

Runs in the tenant's scope; a constant number of queries, however long the plan is.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from accounts.selectors import Person
from compensation.exclusion_groups import group_of, grouped
from compensation.models import CompensationPlan
from compensation.plan import every_exclusion, every_step, undos_in
from compensation.plan_scope import leaves_rest
from compensation.sentences import (
    LEFT_OUT,
    consequence,
    exclusion_words,
    plan_summary,
    quoted,
    title_of,
    undo_words,
)
from compensation.subject import (
    WholeSubject,
    is_by_program,
    read_rows,
    undoable,
    whole_subject,
)
from compensation.usual_times import Usual, usual_of
from compensation.words import ALTERNATIVES, basis_words
from ledger.clock import now
from verbs.subject import Description, Ref, describe
from verbs.words import said
from web import graph
from web.templatetags.amends import state_label
from web.values import Reader, reader_of

CONFIRM_ABOVE = 3
#: Of so many steps it is told what they did.
ROWS_READ = 100
#: Of what was done before the chosen point so many are named.
KEPT_NAMED = 12
LinkOf = Callable[[str, str, str], str]


def step_of(plan: CompensationPlan) -> str:
    """Return the one step that a plan's scope is about, or ""."""
    if plan.scope["kind"] == "from_step":
        return str(plan.scope["step"])
    chosen = plan.scope.get("steps") or [""]
    return str(chosen[0]) if len(chosen) == 1 else ""


def from_the_first(plan: CompensationPlan) -> list[str]:
    """Return the names of what a plan undoes, and of what it keeps for its scope, as they were
    finished."""
    undone = [each["original"]["name"] for each in reversed(plan.content["steps"])]
    return list(dict.fromkeys([*plan.content.get("kept", ()), *undone]))


def choice_of(plan: CompensationPlan) -> str:
    """Return a plan's scope as `compensation.forms.SCOPES` names it, or "" for another one."""
    if plan.scope["kind"] == "steps":
        return "only_this" if plan.scope.get("only_this") and step_of(plan) else ""
    return str(plan.scope["kind"])


@dataclasses.dataclass(frozen=True, slots=True)
class PlanContext:
    """A plan with the names and links of everything it speaks of.

    `reader` has the people it names, by actor and username; `rows` what its first steps undo, by
    id. `whole` is what it is about, None where that is a piece of work; `moved` are the ids of what
    is another since somebody looked. `run`: it was executed as this rollback, and is only told as
    far as that does not tell it. `live`: another one is in its way. `usual`: how long its steps
    usually take.
    """

    plan: CompensationPlan
    described: Mapping[Ref, Description]
    reader: Reader
    open_work: list[dict[str, Any]]
    whole: Any = None
    moved: frozenset[str] = frozenset()
    rows: Mapping[uuid.UUID, Any] = dataclasses.field(default_factory=dict)
    run: Any = None
    live: Any = None
    usual: Usual = dataclasses.field(default_factory=dict)

    @property
    def named(self) -> Mapping[uuid.UUID, Person]:
        """The people it names, by actor."""
        return self.reader.actors

    @property
    def subject(self) -> Description:
        """What the plan is about."""
        return self.described[self.plan.about]

    @property
    def is_whole(self) -> bool:
        """Whether it is about a whole, not about one piece of work."""
        return whole_subject(self.plan.subject_type) is not None

    @property
    def kept(self) -> list[str]:
        """What was done before the chosen point and stays for that."""
        return [title_of(name) for name in self.plan.content.get("kept", ())]

    @property
    def step(self) -> str:
        """The one step the plan's scope is about, or ""."""
        return step_of(self.plan)

    @property
    def confirm_text(self) -> str:
        """What has to be typed before a long or irreversible plan is run; empty for a short one."""
        count = len(undos_in(self.plan.content))
        grave = count > CONFIRM_ABOVE or self.count_cannot()
        return self.subject.number or undo_words(count) if grave else ""

    def count_cannot(self) -> int:
        """Return how many things cannot be undone."""
        return self.count_out("cannot")

    def count_out(self, group: str) -> int:
        """Return how many things are left out for the reasons of one group."""
        excluded = every_exclusion(self.plan.content)
        found = sum(group_of(each["code"]).key == group for each in excluded)
        return found + len(self.kept) if group == "kept" else found

    def count(self, mode: str) -> int:
        """Return how many steps are done in one mode."""
        return sum(step["mode"] == mode for step in undos_in(self.plan.content))

    @property
    def summary(self) -> str:
        """The plan in a sentence or two."""
        left_out = {name: self.count_out(name) for name in LEFT_OUT}
        return plan_summary(self.count("human"), self.count("automated"), left_out)

    @property
    def effect(self) -> str:
        """What happens when it is executed."""
        return consequence(self.count("human"), self.count("automated"), len(self.open_work))


def typed_wrong(wanted: str, form: Mapping[str, Any]) -> str:
    """Return what is wrong with the confirmation that was typed, if something is."""
    if not wanted or form.get("confirm", "").strip() == wanted:
        return ""
    return _("Type %(text)s exactly as it stands here.") % {"text": wanted}


def plan_context(
    plan: CompensationPlan,
    *,
    whole: Any = None,
    moved: Collection[str] = (),
    run: Any = None,
    live: Any = None,
) -> PlanContext:
    """Read what the plan speaks of: titles, links, people, what its steps did, and open work that
    it would cancel. Of one that was executed as a `run`, what is left out and names alone.

    `whole`, what it is about, is read unless it was.
    """
    content = plan.content
    listed_in = (*every_step(content), *every_exclusion(content))
    originals = [each["original"] for each in listed_in]
    subjects: set[Ref] = {(each["type"], uuid.UUID(each["id"])) for each in originals}
    subject = whole_subject(plan.subject_type)
    if subject is not None and whole is None:
        whole = subject.read_one(plan.tenant_id, plan.subject_id)
    open_rows = [] if run is not None else _open_work(plan, subject, whole)
    subjects |= {(type_, row.id) for type_, row in open_rows}
    described = describe(plan.tenant_id, {*subjects, plan.about})
    rows: Mapping[uuid.UUID, Any] = {}
    if run is None:
        first = [each["original"] for each in undos_in(content)[:ROWS_READ]]
        rows = read_rows(plan.tenant_id, ((each["type"], uuid.UUID(each["id"])) for each in first))
    starters = [each.requested_by_id for each in (run, live) if each is not None]
    reader = _people(plan, rows, *starters)
    listed = [
        {
            "title": title_of(row.binding) or described[type_, row.id].title,
            "url": described[type_, row.id].url,
            "status": row.status,
            "kind": type_,
            "moved": str(row.id) in moved,
        }
        for type_, row in open_rows
    ]
    # Read with the plan, where its page asks for it.
    usual = usual_of(vars(plan).get("usual"))
    return PlanContext(
        plan, described, reader, listed, whole, frozenset(moved), rows, run, live, usual
    )


def _people(plan: CompensationPlan, rows: Mapping[uuid.UUID, Any], *also: Any) -> Reader:
    """Return whom a plan names, and what its steps did: one query."""
    steps = undos_in(plan.content)
    finishers = [uuid.UUID(step["completed_by"]) for step in steps if step["completed_by"]]
    asked = {name: name for step in steps for name in step.get("candidate_users", ())}
    did = []
    for row in rows.values():
        kind = undoable(row.subject_type)
        schema = kind.result_schema(row)
        did += [(each, schema) for each in kind.snapshot(row).values()]
    return reader_of(
        plan.tenant_id, None, {"username": [*asked]}, actors=[*finishers, *also], under=did
    )


def _open_work(
    plan: CompensationPlan, subject: WholeSubject | None, whole: Any
) -> Sequence[tuple[str, Any]]:
    """Return what is open in the whole now and would be cancelled, as executing decides it."""
    if subject is None or leaves_rest(plan.scope):
        return []
    return subject.open_work(whole)


def facts(context: PlanContext) -> dict[str, Any]:
    """Return `plan` of `compensation/preview.html`."""
    plan = context.plan
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
        "subject": {"label": context.subject.title, "url": context.subject.url},
    }


def tiles(context: PlanContext) -> list[dict[str, Any]]:
    """Return the numbers of the preview: how much is undone, and of what else there is any."""
    counted = [
        (group.tile, context.count_out(group.key), group.tone)
        for group, _rows in grouped([])
        if group.key != "unfinished"
    ]
    counted.append((_("open, will be cancelled"), len(context.open_work), ""))
    return [
        {"value": len(undos_in(context.plan.content)), "label": _("will be undone"), "tone": ""},
        *({"value": n, "label": label, "tone": tone} for label, n, tone in counted if n),
    ]


def excluded(context: PlanContext, link_of: LinkOf) -> list[dict[str, Any]]:
    """Return what is not undone and what to do instead.

    `link_of(code, name, url)` is where an alternative is, or ""; `url` is the original's own page.

    Work that is open and will be cancelled is listed there and not here.
    """
    cancelled = {row["title"] for row in context.open_work}
    rows = []
    for each in every_exclusion(context.plan.content):
        title = titled(context, each["original"])
        if each["code"] == "not_completed" and title in cancelled:
            continue
        rows.append(
            {
                "title": title,
                "url": described_in(context, each["original"]).url,
                "code": each["code"],
                "detail": _why_left_out(each),
                "moved": each["original"]["id"] in context.moved,
                "alternatives": [
                    {
                        "label": said(ALTERNATIVES, code),
                        "url": link_of(
                            code,
                            each["original"]["name"],
                            described_in(context, each["original"]).url,
                        ),
                    }
                    for code in (each["alternatives"] if context.run is None else ())
                ],
            }
        )
    return rows


def _why_left_out(each: Mapping[str, Any]) -> str:
    """Return why something stays, and on whose word, if somebody waived its undo."""
    why = exclusion_words(each)
    if not each.get("waived"):
        return why
    return _("%(why)s It may stay: %(said)s") % {"why": why, "said": quoted(each["waived"])}


def left_out(context: PlanContext, link_of: LinkOf) -> list[dict[str, Any]]:
    """Return `left_out` of `compensation/preview.html`: what is not undone, grouped by why."""
    kept = context.kept[:KEPT_NAMED]
    more = len(context.kept) - len(kept)
    return [
        {
            "key": group.key,
            "title": group.title,
            "tone": group.tone,
            "icon": group.icon,
            "rows": rows,
            "names": kept if group.key == "kept" else [],
            "more": more if group.key == "kept" else 0,
        }
        for group, rows in grouped(excluded(context, link_of))
        if rows or (group.key == "kept" and kept)
    ]


def figure(context: PlanContext) -> graph.Figure | None:
    """Return the plan as a picture: what was done, and under it what will undo it, numbered."""
    planned = context.plan.content["steps"]
    if not planned[1:]:
        return None  # one step needs no picture
    nodes = []
    for step in planned:
        title = titled(context, step["original"])
        own, undo = f"o{step['n']}", f"u{step['n']}"
        nodes.append(
            graph.Node(
                id=own, title=title, subtitle=_("will be undone"),
                label=_("%(what)s, will be undone") % {"what": title},
                order=-step["n"], url=described_in(context, step["original"]).url,
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


def described_in(context: PlanContext, original: Mapping[str, str]) -> Description:
    return context.described[original["type"], uuid.UUID(original["id"])]


def titled(context: PlanContext, original: Mapping[str, str]) -> str:
    """Return what a piece of work is called; a program without a step of its own by its title."""
    if is_by_program(original["type"]):
        return described_in(context, original).title
    return title_of(original["name"])
