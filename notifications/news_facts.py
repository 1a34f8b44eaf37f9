"""What must be known of news to say whom it concerns: one statement for each kind of news, however
much of it there is. Reads only, in the caller's tenant scope."""

from __future__ import annotations

import dataclasses
import uuid
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from ledger.clock import now
from ledger.statements import fetched
from notifications.lifecycle import Topic
from workitems.plain_due import DUE


@dataclasses.dataclass(frozen=True, slots=True)
class TaskFacts:
    """A task that was created, put back, given or handed to somebody, or goes on.

    `taken_from` had it before and has it no more. `item_id` is empty where it waits no more, and
    all after it with it: it was taken, done or called off since, or is other news by now. `named`
    may take it by name. `somebody` says whether an active member may take it who did not just put
    it back. `standing_in`: those who stand in for whoever has it or may take it by name, and may do
    it for them; person and substitute, by turns.
    """

    event_id: uuid.UUID
    taken_from: uuid.UUID | None
    item_id: uuid.UUID | None
    kind: str
    offered_to: str
    assignee_id: uuid.UUID | None
    excluded: list[uuid.UUID]
    run_id: uuid.UUID | None
    named: list[uuid.UUID]
    somebody: bool
    standing_in: list[uuid.UUID]

    @property
    def substitutes(self) -> Iterator[tuple[uuid.UUID, uuid.UUID]]:
        """The same as pairs."""
        return zip(self.standing_in[::2], self.standing_in[1::2], strict=True)


@dataclasses.dataclass(frozen=True, slots=True)
class EndingFacts:
    """How something ended, or came to a halt.

    `asked_by` opened the subject, or asked for the rollback that it is a part of. `undo_wanted_by`
    asked for the attempt at undoing it, where that is no step of a rollback. `step_unchanged`:
    nobody has decided since about the step that failed, and it is no rollback below, which tells
    itself. `run_unchanged`: a rollback still is where the event took it. `is_below`: a rollback
    that is a step of another. `looking_on` are those who answer for
    the task, or look on what becomes of it.
    """

    event_id: uuid.UUID
    entry_kind: str
    asked_by: uuid.UUID
    undo_wanted_by: uuid.UUID | None
    step_unchanged: bool
    run_unchanged: bool
    is_below: bool
    looking_on: list[uuid.UUID]


@dataclasses.dataclass(frozen=True, slots=True)
class MissedFacts:
    """A deadline that was missed: its name, who has the task, whether its case tells too, and who
    may take what is late and nobody has."""

    event_id: uuid.UUID
    deadline: str
    assignee_id: uuid.UUID | None
    in_a_case: bool
    candidates: Sequence[uuid.UUID]


@dataclasses.dataclass(frozen=True, slots=True)
class Fallen:
    """A task of a rollback for which nobody is left: the rollback of all the tree, was that said of
    it already, and who did the task before this one, if there was one and it is done."""

    run_id: uuid.UUID
    told: bool
    before_done_by: uuid.UUID | None


# Of a candidate, by the actor's id: neither excluded nor in an excluded group, and able to do what
# is asked for. What is looked up elsewhere is a call (migrations 0012, 0014, 0016): named here, its
# tables would be made ready whether it is needed or not, which took most of the statement's time.
_MAY = """NOT w.excluded ? {0}::text
            AND CASE WHEN w.excluded_groups = '[]' THEN true
                     ELSE NOT notifications_shut_out(w.tenant_id, w.excluded_groups, {0}) END
            AND CASE WHEN w.required_skills = '[]' THEN true
                     ELSE notifications_able(w.tenant_id, w.required_skills, {0}) END"""
# Whoever has just put it back, or let go of it, is nobody for whom it waits.
_BUT = "CASE WHEN e.from_status NOT IN ('', 'SUSPENDED') THEN e.actor_id END"
_TASKS = f"""
SELECT e.id, nullif(said.previous, said.assignee)::uuid, w.id, w.kind, w.offered_to, w.assignee_id,
    ARRAY(SELECT x::uuid FROM jsonb_array_elements_text(w.excluded) x), w.run_id,
    ARRAY(SELECT c.actor_id FROM workitems_candidateuser c
          WHERE c.tenant_id = w.tenant_id AND c.work_item_id = w.id
            AND {_MAY.format("c.actor_id")}),
    CASE WHEN EXISTS (
        SELECT FROM workitems_candidateuser c
        JOIN accounts_membership m ON m.tenant_id = c.tenant_id AND m.actor_id = c.actor_id
        JOIN accounts_user u ON u.id = m.user_id AND u.is_active
        JOIN accounts_actor a ON a.id = m.actor_id AND a.is_active
        WHERE c.tenant_id = w.tenant_id AND c.work_item_id = w.id AND m.is_active
          AND m.actor_id IS DISTINCT FROM {_BUT} AND {_MAY.format("m.actor_id")})
    THEN true ELSE notifications_group_has_somebody(
        w.tenant_id, w.id, w.excluded, w.excluded_groups, w.required_skills, {_BUT}) END,
    CASE WHEN w.id IS NOT NULL AND EXISTS (
        SELECT FROM accounts_substitution s
        WHERE s.tenant_id = e.tenant_id AND s.ended_at IS NULL AND s.until > %s)
    THEN notifications_substitutes(w.tenant_id, w.id, %s) ELSE '{{}}' END
FROM ledger_ledgerentry e
LEFT JOIN LATERAL (
    SELECT max(p.said) FILTER (WHERE p.name = 'previous') AS previous,
           max(p.said) FILTER (WHERE p.name = 'assignee') AS assignee
    FROM (SELECT name, convert_from(body, 'UTF8')::jsonb #>> '{{}}' AS said FROM ledger_payload
          WHERE tenant_id = e.tenant_id AND entry_id = e.id
            AND name IN ('previous', 'assignee')) p) said ON true
LEFT JOIN workitems_workitem w ON w.tenant_id = e.tenant_id AND w.id = e.subject_id
    AND NOT EXISTS (
        SELECT FROM ledger_ledgerentry later
        WHERE later.tenant_id = e.tenant_id AND later.subject_type = e.subject_type
          AND later.subject_id = e.subject_id AND later.subject_seq > e.subject_seq
          AND later.subject_version > e.subject_version
          AND later.action NOT IN ('edited', 'extended', 'deadline_missed', 'deadline_extended'))
WHERE e.tenant_id = %s AND e.id = ANY(%s)
"""  # noqa: S608  -- built of constants
_ENDINGS = """
SELECT e.id, e.kind, coalesce(run.requested_by_id, opening.actor_id), attempt.requested_by_id,
    step.id IS NOT NULL, coalesce(run.status = e.to_status, false), run.parent_run_id IS NOT NULL,
    coalesce(CASE WHEN e.subject_type = 'work_item' THEN (
        SELECT array_remove(w.owner_id || ARRAY(
                   SELECT x::uuid FROM jsonb_array_elements_text(w.stakeholders) x), NULL)
        FROM workitems_workitem w WHERE w.tenant_id = e.tenant_id AND w.id = e.subject_id) END,
        '{}')
FROM ledger_ledgerentry e
JOIN ledger_ledgerentry opening ON opening.tenant_id = e.tenant_id
    AND opening.subject_type = e.subject_type AND opening.subject_id = e.subject_id
    AND opening.subject_seq = 1
LEFT JOIN compensation_compensationattempt attempt ON attempt.tenant_id = e.tenant_id
    AND attempt.original_type = e.subject_type AND attempt.original_id = e.subject_id
    AND attempt.round = (e.compensation ->> 'round')::int
    AND attempt.number = (e.compensation ->> 'attempt')::int
    AND e.compensation ->> 'run' IS NULL
LEFT JOIN compensation_compensationstep step ON step.tenant_id = e.tenant_id
    AND step.run_id = e.subject_id AND step.n = (e.compensation ->> 'step')::int
    AND step.version = (e.compensation ->> 'step_version')::int
    AND step.compensation_type <> 'compensation_run'
LEFT JOIN compensation_compensationrun run ON run.tenant_id = e.tenant_id
    AND run.id = e.subject_id AND e.subject_type = 'compensation_run'
WHERE e.tenant_id = %s AND e.id = ANY(%s)
"""
_HERE = """JOIN accounts_user u ON u.id = m.user_id AND u.is_active
        JOIN accounts_actor a ON a.id = m.actor_id AND a.is_active"""
#: A group may be as large as the tenant. So many people are reminded of one late task.
MOST_REMINDED = 100
_MISSED = f"""
SELECT e.id, convert_from(p.body, 'UTF8')::jsonb #>> '{{}}',
    coalesce((convert_from(had.body, 'UTF8')::jsonb #>> '{{}}')::uuid, w.assignee_id),
    w.case_id IS NOT NULL,
    CASE WHEN w.assignee_id IS NULL AND w.offered_to <> 'OPERATORS'
        AND convert_from(p.body, 'UTF8')::jsonb = '"{DUE}"' THEN ARRAY(
        SELECT m.actor_id FROM workitems_candidateuser c
        JOIN accounts_membership m ON m.tenant_id = c.tenant_id AND m.actor_id = c.actor_id
        {_HERE}
        WHERE c.tenant_id = w.tenant_id AND c.work_item_id = w.id AND m.is_active
          AND {_MAY.format("m.actor_id")}
        UNION (
        SELECT m.actor_id FROM workitems_candidategroup g
        JOIN accounts_groupmembership b ON b.tenant_id = g.tenant_id AND b.name = g.name
        JOIN accounts_membership m ON m.tenant_id = b.tenant_id AND m.id = b.membership_id
        {_HERE}
        WHERE g.tenant_id = w.tenant_id AND g.work_item_id = w.id AND m.is_active
          AND {_MAY.format("m.actor_id")}
        LIMIT {MOST_REMINDED + 1}))
    ELSE '{{}}' END
FROM ledger_ledgerentry e
JOIN workitems_workitem w ON w.tenant_id = e.tenant_id AND w.id = e.subject_id
LEFT JOIN ledger_payload p
    ON p.tenant_id = e.tenant_id AND p.entry_id = e.id AND p.name = 'deadline'
LEFT JOIN ledger_payload had
    ON had.tenant_id = e.tenant_id AND had.entry_id = e.id AND had.name = 'had_it'
WHERE e.tenant_id = %s AND e.id = ANY(%s)
"""  # noqa: S608  -- built of constants
# A task before this one is one of the same tree of rollbacks. The case says no more than the run,
# nor does the original of a run without a case; they have an index.
_FALLEN = f"""
SELECT w.id, top.id,
    EXISTS (SELECT FROM notifications_delivery d WHERE d.tenant_id = w.tenant_id
            AND d.subject_id = top.id AND d.topic = '{Topic.NEEDS_SOMEBODY}'),
    before.completed_by_id
FROM workitems_workitem w
JOIN LATERAL (
    WITH RECURSIVE above AS (
        SELECT r.id, r.parent_run_id FROM compensation_compensationrun r
        WHERE r.tenant_id = w.tenant_id AND r.id = w.run_id
        UNION ALL
        SELECT r.id, r.parent_run_id FROM compensation_compensationrun r
        JOIN above ON r.id = above.parent_run_id WHERE r.tenant_id = w.tenant_id)
    SELECT id FROM above WHERE parent_run_id IS NULL) top ON true
LEFT JOIN LATERAL (
    WITH RECURSIVE tree AS (
        SELECT r.id, r.whole_id FROM compensation_compensationrun r
        WHERE r.tenant_id = w.tenant_id AND r.id = top.id
        UNION ALL
        SELECT r.id, r.whole_id FROM compensation_compensationrun r
        JOIN tree ON r.parent_run_id = tree.id WHERE r.tenant_id = w.tenant_id)
    SELECT b.completed_by_id FROM tree JOIN workitems_workitem b
      ON b.tenant_id = w.tenant_id AND b.run_id = tree.id AND b.id <> w.id
      AND (b.case_id = tree.whole_id OR tree.whole_id IS NULL AND b.undoes_id = w.undoes_id)
      AND b.created_at <= w.created_at
    ORDER BY b.created_at DESC, b.id DESC LIMIT 1) before ON true
WHERE w.tenant_id = %s AND w.id = ANY(%s)
"""  # noqa: S608  -- built of constants


def missed_facts(
    tenant_id: uuid.UUID, event_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, MissedFacts]:
    """Return what is known of missed deadlines, by the event that says so."""
    return {row[0]: MissedFacts(*row) for row in _read(_MISSED, tenant_id, event_ids)}


def task_facts(
    tenant_id: uuid.UUID, event_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, TaskFacts]:
    """Return what is known of tasks that may wait, by the event that says so."""
    moment = now()
    rows = _read(_TASKS, tenant_id, event_ids, moment, moment)
    return {row[0]: TaskFacts(*row) for row in rows}


def ending_facts(
    tenant_id: uuid.UUID, event_ids: Collection[uuid.UUID]
) -> dict[uuid.UUID, EndingFacts]:
    """Return what is known of what ended or came to a halt, by the event that says so."""
    return {row[0]: EndingFacts(*row) for row in _read(_ENDINGS, tenant_id, event_ids)}


def fallen(tenant_id: uuid.UUID, item_ids: Collection[uuid.UUID]) -> dict[uuid.UUID, Fallen]:
    """Return what is known of tasks of rollbacks for which nobody is left, by the task's id."""
    return {row[0]: Fallen(*row[1:]) for row in _read(_FALLEN, tenant_id, item_ids)}


def _read(
    statement: str, tenant_id: uuid.UUID, ids: Collection[uuid.UUID], *before: Any
) -> list[tuple[Any, ...]]:
    return fetched(statement, [*before, tenant_id, list(ids)]) if ids else []
