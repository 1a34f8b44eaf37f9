"""What those are told of who look on, and who hears of work in the place of others.

Who stands in for others is rare: as other such things it is asked by a function, which is only
called where somebody stands in for anybody. Whether somebody in a group may take a task is now asked
of their skills too.
"""

from __future__ import annotations

from django.db import migrations, models

from ledger import sql

_SQL = """
-- Who stands in at a moment for whoever has a task, or is named for it while nobody has, and may do
-- it for them: person and substitute, by turns.
CREATE FUNCTION public.notifications_substitutes(of_tenant uuid, item uuid, moment timestamptz)
    RETURNS uuid[] LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN ARRAY(
        SELECT pair.actor
        FROM public.workitems_workitem w
        JOIN public.accounts_substitution s ON s.tenant_id = w.tenant_id
        JOIN public.accounts_membership p
            ON p.tenant_id = s.tenant_id AND p.actor_id = s.person_id
        JOIN public.accounts_membership m
            ON m.tenant_id = s.tenant_id AND m.actor_id = s.substitute_id
        CROSS JOIN LATERAL unnest(ARRAY[s.person_id, s.substitute_id])
            WITH ORDINALITY pair (actor, n)
        WHERE w.tenant_id = of_tenant AND w.id = item
          AND s.ended_at IS NULL AND s.since <= moment AND s.until > moment
          AND (w.assignee_id = s.person_id OR w.assignee_id IS NULL AND EXISTS (
                  SELECT FROM public.workitems_candidateuser c
                  WHERE c.tenant_id = w.tenant_id AND c.work_item_id = w.id
                    AND c.actor_id = s.person_id))
          AND (s.group_name = '' OR EXISTS (
                  SELECT FROM public.workitems_candidategroup g
                  WHERE g.tenant_id = w.tenant_id AND g.work_item_id = w.id
                    AND g.name = s.group_name))
          AND NOT w.excluded ?| ARRAY[s.person_id::text, s.substitute_id::text]
          AND (w.excluded_groups = '[]' OR NOT (
                  public.notifications_shut_out(of_tenant, w.excluded_groups, s.person_id)
                  OR public.notifications_shut_out(of_tenant, w.excluded_groups, s.substitute_id)))
          AND (w.required_skills = '[]' OR w.required_skills <@ to_jsonb(m.skills))
          -- Who only looks does nothing, and has nothing that others could do for them.
          AND NOT ('auditor' = ANY (p.roles) AND p.roles <@ ARRAY['auditor', 'member'])
          AND NOT ('auditor' = ANY (m.roles) AND m.roles <@ ARRAY['auditor', 'member'])
        ORDER BY s.created_at, s.id, pair.n);
END $$;

DROP FUNCTION public.notifications_group_has_somebody(uuid, uuid, jsonb, jsonb, uuid);
-- Whether a candidate group of an item has an active member who may take it: not excluded, in no
-- excluded group, able to do what it asks for, and not `but`. Membership is looked for and not
-- listed: a group may be as large as the tenant.
CREATE FUNCTION public.notifications_group_has_somebody(
    of_tenant uuid, item uuid, excluded jsonb, excluded_groups jsonb, wanted jsonb, but uuid)
    RETURNS boolean LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM public.workitems_candidategroup c
        JOIN public.accounts_groupmembership g ON g.tenant_id = c.tenant_id AND g.name = c.name
        JOIN public.accounts_membership m ON m.tenant_id = g.tenant_id AND m.id = g.membership_id
        JOIN public.accounts_user u ON u.id = m.user_id AND u.is_active
        JOIN public.accounts_actor a ON a.tenant_id = m.tenant_id AND a.id = m.actor_id
        WHERE c.tenant_id = of_tenant AND c.work_item_id = item AND m.is_active AND a.is_active
          AND NOT excluded ? m.actor_id::text AND m.actor_id IS DISTINCT FROM but
          AND (wanted = '[]' OR wanted <@ to_jsonb(m.skills))
          AND (excluded_groups = '[]' OR NOT public.notifications_shut_out(
                  of_tenant, excluded_groups, m.actor_id)));
END $$;
"""
_TOPICS = [('task_waiting', 'Task waiting'), ('undo_waiting', 'Undo task waiting'), ('taken_away', 'No longer yours'), ('needs_somebody', 'Nobody is left for it'), ('event_ignored', 'Not undone because of an event'), ('undo_on_hold', 'Undo task on hold'), ('deadline_missed', 'Deadline missed'), ('group_met', 'Enough of several done'), ('group_missed', 'Too few of several left'), ('schedule_failed', 'Schedule made no task'), ('undone', 'Undone'), ('undo_failed', 'Undo failed'), ('outcome_unknown', 'Nobody knows whether it happened'), ('case_failed', 'Case failed'), ('engine_stopped', 'Case or rollback has stopped'), ('rollback_stopped', 'Rollback needs a decision'), ('rollback_waits', 'Rollback waits for a result'), ('rollback_ended', 'Rollback ended'), ('being_undone', 'Being undone'), ('stays_done', 'Not undone after all'), ('not_done', 'Ended without being done'), ('work_undone', 'Work of yours undone'), ('approval_waiting', 'Waiting for your approval'), ('approved', 'Approved'), ('not_approved', 'Not approved')]


class Migration(migrations.Migration):
    """More topics, a column, and two functions."""

    dependencies = [
        ("accounts", "0005_people"),
        ("notifications", "0015_groups_decided"),
        ("workitems", "0027_owner_and_stakeholders"),
    ]

    operations = [
        migrations.AddField(
            "delivery",
            "in_place_of",
            models.ForeignKey(
                "accounts.Actor",
                models.PROTECT,
                db_constraint=False,
                db_index=False,
                null=True,
                related_name="+",
            ),
        ),
        sql.tenant_fk("notifications_delivery", "in_place_of_id", "accounts_actor"),
        migrations.RunSQL(_SQL, migrations.RunSQL.noop),
        migrations.AlterField("delivery", "topic", models.TextField(choices=_TOPICS)),
    ]
