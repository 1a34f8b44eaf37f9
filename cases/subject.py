"""Cases and their definitions as kinds of things: what verbs and compensation know of them."""

from __future__ import annotations

import dataclasses
import functools
import operator
import uuid
from collections.abc import Collection, Sequence
from typing import Any

from django.urls import reverse
from django.utils.translation import gettext as _

from cases.actions import rollback, stopping, tree_parts
from cases.actions.changes import lock_case, read_cases
from cases.actions.deploy import DEFINITION
from cases.case_askers import askers
from cases.declared_values import schema_given
from cases.events import OF_SUB_CASE, ON_FAULT, SETTLED, SUB_CASES, USES
from cases.lifecycle import ROLLBACK_FROM, ROLLING_BACK, CaseStatus
from cases.models import Case, CaseDefinition, title_with_number
from compensation.selectors import live_runs
from compensation.subject import Awaited, WholeSubject
from executions.selectors import in_doubt
from ledger.errors import NotFound
from ledger.statements import fetched
from verbs.subject import Description, Locked, Named, Subject

# Id and status of a run.
_Run = tuple[uuid.UUID, str]


@dataclasses.dataclass(frozen=True)
class CaseFacts:
    """The run that is live in a case's tree, about all of it or about one piece."""

    case: Case

    @functools.cached_property
    def run(self) -> _Run | None:
        """The live run: as `selectors.cases` read it with the case, in bulk before, or now."""
        known = vars(self.case)
        if "live_run" in known:
            run_id = known["live_run"]
            return None if run_id is None else (run_id, str(known["live_status"]))
        return _live_runs(self.case.tenant_id, [self.case.root_id]).get(self.case.root_id)

    @functools.cached_property
    def unclear(self) -> Sequence[Awaited]:
        """The steps of which nobody knows whether they happened."""
        return in_doubt(self.case.tenant_id, [self.case.id]).get(self.case.id, ())

    @functools.cached_property
    def above_on_hold(self) -> bool:
        """Whether a case above it that waits for it is on hold, so that it cannot go on."""
        return bool(_on_hold([self.case]))

    @functools.cached_property
    def holds_rollback(self) -> bool:
        """Whether the run is of a case below, which is on hold with this one and goes on with it.
        Asked only of a case on hold in whose tree a run is live."""
        if not self.case.has_children or self.case.status != CaseStatus.SUSPENDED:
            return False
        rows = Case.objects.filter(tenant_id=self.case.tenant_id, root_id=self.case.root_id)
        below = rows.filter(parent__isnull=False, held_by=self.case.id)
        return below.filter(status__in=sorted(ROLLING_BACK)).exists()

    @property
    def live_run(self) -> uuid.UUID | None:
        """The id of the live run."""
        return None if self.run is None else self.run[0]

    @property
    def run_status(self) -> str | None:
        """The status of the live run."""
        return None if self.run is None else self.run[1]


def _facts(cases: Sequence[Case]) -> dict[uuid.UUID, CaseFacts]:
    found = {case.id: CaseFacts(case) for case in cases}
    if len(cases) > 1:
        unclear = in_doubt(cases[0].tenant_id, list(found))
        for id_, facts in found.items():
            # Where `cached_property` keeps what it has read.
            facts.__dict__["unclear"] = unclear.get(id_, ())
        held = _on_hold(cases)
        for case in cases:
            found[case.id].__dict__["above_on_hold"] = case.id in held
    unread = [case for case in cases if "live_run" not in vars(case)]
    if len(unread) > 1:
        live = _live_runs(unread[0].tenant_id, [case.root_id for case in unread])
        for case in unread:
            found[case.id].__dict__["run"] = live.get(case.root_id)
    return found


# As holding goes down: to those that are waited for, also below one that has failed.
_ON_HOLD = f"""
WITH RECURSIVE above AS (
    SELECT c.id AS below, c.parent_id, c.awaited, false AS holds FROM cases_case c
    WHERE c.tenant_id = %(tenant)s AND c.id = ANY(%(ids)s)
    UNION ALL
    SELECT a.below, c.parent_id, c.awaited, c.status = '{CaseStatus.SUSPENDED}' FROM above a
    JOIN cases_case c ON c.tenant_id = %(tenant)s AND c.id = a.parent_id
    WHERE a.awaited AND NOT a.holds)
SELECT DISTINCT below FROM above WHERE holds
"""  # noqa: S608  -- own words


def _on_hold(cases: Sequence[Case]) -> set[uuid.UUID]:
    """Return which of these cases are below one on hold that waits for them, however far; nothing
    is read where none can go on."""
    ids = [
        case.id
        for case in cases
        if case.awaited and case.status in {CaseStatus.SUSPENDED, CaseStatus.FAULTED, *ROLLING_BACK}
    ]
    if not ids:
        return set()
    given = {"tenant": cases[0].tenant_id, "ids": ids}
    return {id_ for (id_,) in fetched(_ON_HOLD, given)}


def _live_runs(tenant_id: uuid.UUID, roots: Collection[uuid.UUID]) -> dict[uuid.UUID, _Run]:
    rows = live_runs(tenant_id).filter(root_id__in=list(roots))
    found = rows.values_list("root_id", "id", "status")
    return {root: (id_, str(status)) for root, id_, status in found if root is not None}


def _locked(tenant_id: uuid.UUID, case_id: uuid.UUID) -> Locked:
    case = lock_case(tenant_id, case_id)
    if case is None:
        raise NotFound(_("There is no such case."))
    return Locked(case)


def _read(tenant_id: uuid.UUID, ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Case]:
    return read_cases(tenant_id, ids)


def _called(
    id_: uuid.UUID, title: str, number: str, status: str, definition_id: Any
) -> Description:
    url, name = reverse("cases:detail", args=[id_]), title_with_number(title, number)
    return Description(name, url, status, "briefcase", number, str(definition_id))


NAMED = Named(Case, ("title", "number", "status", "definition_id"), _called)


def _envelope(case: Case, action: str) -> dict[str, Any]:
    rollback_news = action.startswith(("compensation_", "rollback_"))
    kind = "COMPENSATION" if rollback_news else "TRANSITION"
    said: dict[str, Any] = {"case_id": case.id, "kind": kind}
    if case.parent_id is not None and action in OF_SUB_CASE:
        # A rollback below may have been in the way of one that the case above wants by itself; and
        # of what it has undone as a whole, what used it above may stand.
        also = [ON_FAULT] if action == SETTLED else []
        if action == SETTLED and case.status == CaseStatus.COMPENSATED:
            also.append(USES)
        said |= {"heard_by": (SUB_CASES, *also), "heard_in": case.parent_id}
    return said


def crumbs_of(case: Case) -> list[dict[str, str]]:
    """Return `crumbs` to a case."""
    return [
        {"label": _("Cases"), "url": reverse("cases:list")},
        {"label": case.name, "url": reverse("cases:detail", args=[case.id])},
    ]


CASE = WholeSubject(
    subject_type=Case.subject_type,
    model=Case,
    rank=0,
    route="cases/<uuid:id>",
    finished="completed",
    locked=_locked,
    read=_read,
    named=NAMED,
    facts=_facts,
    envelope=_envelope,
    column="case_id",
    piece_undone=(USES, ON_FAULT),
    rollback_from=frozenset(map(str, ROLLBACK_FROM)),
    undo_bound=rollback.undo_bound,
    askers=askers,
    undone_in_part=CaseStatus.PARTIALLY_COMPENSATED,
    root=operator.attrgetter("root_id"),
    pages="cases",
    crumbs=crumbs_of,
    standings=rollback.standings,
    barred=rollback.barred,
    parts=tree_parts.parts_with_below,
    part=rollback.part,
    later_above=tree_parts.later_above,
    started=rollback.started,
    faulted=rollback.faulted,
    goes_on=rollback.goes_on,
    ended=rollback.ended,
    pieces=rollback.pieces,
    heard=rollback.heard,
    request=rollback.request,
    given=schema_given,
    open_work=rollback.open_work,
    awaited=rollback.awaited,
    held_up=stopping.refuse_while_stopped,
    stopped=stopping.stopped,
    carried_on=stopping.goes_on,
    nests=operator.attrgetter("has_children"),
)
CASE_DEFINITION = Subject(
    subject_type=DEFINITION,
    model=CaseDefinition,
    route="case-definitions/<uuid:id>",
)
