"""Rollbacks that nobody asks for: because a definition says so, a case failed, or a batch did.

It is the plan and the run that an operator would get, with less: nobody has looked at it, so what
needs approval is not begun, and it goes past no point of no return. Runs in the caller's
transaction, with the whole locked; the plan is stored with its run. Callers are handlers of news.
"""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import IntegrityError
from django.utils.translation import gettext_lazy

from compensation.actions.plan_execution import begin_run
from compensation.actions.previewing import About, new_plan, parts_of
from compensation.actions.run_agreement import agreed_already
from compensation.errors import Irreversible, NothingToUndo, RunLive
from compensation.facts import live_run
from compensation.lifecycle import Trigger
from compensation.models import CompensationRun
from compensation.plan import Content, make_plan
from compensation.plan_scope import Scope
from compensation.planning import SEQ_OF_UNORDERED, Part
from compensation.points import has_point, stopped_at_points
from compensation.subject import Cause, whole_subject
from ledger.clock import now
from ledger.dispatch.consumer_registry import Trouble
from ledger.errors import Conflict, Refusal
from ledger.row_writes import write
from ledger.statements import server
from verbs.move import change_of, sharing
from verbs.saving import insertion

#: The action of the entry that says why none was begun.
REFUSED = "compensation_refused"
_PIVOT = gettext_lazy("It is a point of no return: only a person undoes it.")
_ONE_LIVE = "compensation_run_one_live"


class AnotherBegan(Trouble):
    """Two parts of one tree wanted a run at the same moment, and the other was first: tried again,
    this one finds that run."""

    counts = False


@dataclasses.dataclass(frozen=True, slots=True)
class Wanted:
    """What is wanted undone of a whole, and why. `resumes`: the whole goes on after; else it ends
    with that, where nothing is to be undone only if that `ends` it. `all_or_nothing`: what cannot
    be undone by itself keeps all of it from being begun."""

    scope: Scope
    reason: str
    resumes: bool = False
    ends: bool = True
    trigger: Trigger = Trigger.RULE
    all_or_nothing: bool = False


def start(
    whole: Any, wanted: Wanted, *, cause: Cause, requested_by: uuid.UUID | None = None
) -> CompensationRun | None:
    """Begin a run about a locked whole; None where nothing is to be undone and the whole stays as
    it is. What the cause gathers is written first: planning asks the database.

    Raises Refusal where none may begin, and has written nothing then. Raises Trouble where another
    began one in the same tree meanwhile: then the transaction is lost.
    """
    cause.write()
    kind = whole_subject(whole.subject_type)
    if kind is None:
        raise LookupError(f"{whole.subject_type} is registered as no whole")
    about = About((kind.subject_type, whole.id), kind, whole, None)
    _check_free(about, whole.tenant_id)
    parts = parts_of(about, lock=True)
    scope = _of_what_there_is(wanted.scope, parts)
    by = requested_by or cause.by.id
    found = _content(about, wanted, scope, parts, by)
    if found is None:
        return None
    content, decided = found
    plan = new_plan(about, scope or wanted.scope, tenant_id=whole.tenant_id, by=by)
    plan.digest, plan.content, plan.reason = content.digest, content.to_json(), wanted.reason
    write([insertion(plan)], {})
    try:
        run = begin_run(
            plan, about, parts, trigger=wanted.trigger, requested_by=by, cause=cause,
            resume_after=wanted.resumes, decisions=decided,
        )  # fmt: skip
        server().flush()
    except IntegrityError as error:
        if _ONE_LIVE not in str(error):
            raise
        raise AnotherBegan(f"another run began beside {whole.subject_type} {whole.id}") from error
    return run


def _content(
    about: About, wanted: Wanted, scope: Scope | None, parts: Sequence[Part], by: uuid.UUID
) -> tuple[Content, Sequence[Mapping[str, Any]]] | None:
    """Return what is to be undone, and the policies that let it; None where that is nothing and the
    whole stays as it is. Raises Refusal."""
    stays = wanted.resumes or not wanted.ends
    if scope is None and stays:
        return None
    seen = [] if scope is None else _as_undone(wanted, about, parts)
    content = make_plan(
        seen, subject=about.ref, scope=scope or Scope(), strategy=None, include=(), now=now()
    )
    if wanted.all_or_nothing:
        _check_all(content)
    elif not content.steps and stays:
        return None
    decided = agreed_already(
        content, about, seen, scope=(scope or Scope()).to_json(), reason=wanted.reason,
        trigger=wanted.trigger, requested_by=by,
    )  # fmt: skip
    return content, decided


def _as_undone(wanted: Wanted, about: About, parts: Sequence[Part]) -> Sequence[Part]:
    if wanted.all_or_nothing:
        return parts
    return stopped_at_points(parts, passed_above=has_point(about.later_above()))


def start_or_note(
    whole: Any, wanted: Wanted, *, cause: Cause, requested_by: uuid.UUID | None = None
) -> CompensationRun | None:
    """Do the same, or append a REFUSAL entry about the whole that says why none began, and return
    None: its row does not change then."""
    try:
        return start(whole, wanted, cause=cause, requested_by=requested_by)
    except Refusal as refused:
        with sharing(cause.moves) as own:
            own.enter(
                change_of(
                    whole, REFUSED, before=str(whole.status), by=cause.by, caused_by=cause.entry,
                    payloads=refused.noted, kind="REFUSAL",
                )
            )  # fmt: skip
    return None


def _check_free(about: About, tenant_id: uuid.UUID) -> None:
    """Raise what keeps anything of a whole from being undone at this moment."""
    live = live_run(tenant_id, about.root, about.ref)
    if live is not None:
        raise RunLive(live.id)
    refused = about.barred() or about.held_up()
    if refused is not None:
        raise refused


def _check_all(content: Content) -> None:
    """Raise what keeps all of it from being undone by itself."""
    left = {each["code"] for each in content.excluded}
    if "irreversible" in left:
        raise Irreversible
    if "pivot" in left:
        raise Conflict(str(_PIVOT), code="pivot")
    if not content.steps:
        raise NothingToUndo


def _of_what_there_is(scope: Scope, parts: Sequence[Part]) -> Scope | None:
    """Return the scope without steps that have not begun; None where none of it has."""
    if scope.kind == "whole":
        return scope
    words = scope.words
    done = [part for part in parts if part.seq != SEQ_OF_UNORDERED]
    there = tuple(word for word in words if any(part.called(word) for part in done))
    if not there:
        return None
    return dataclasses.replace(scope, steps=there) if scope.kind == "steps" else scope
