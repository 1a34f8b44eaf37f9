"""What waits is found by whom it waits for, and listed with the most urgent first.

Candidates say whether their item waits, which the database keeps: an index of those that do is as
small as what waits, however much was done in years.
"""

from __future__ import annotations

import datetime as dt

from django.db import migrations, models
from django.db.models.functions import Coalesce

_DUE = Coalesce(
    "due_at",
    models.Value(dt.datetime(9000, 12, 31, 23, 59, 59, 999_999, tzinfo=dt.timezone.utc)),
    output_field=models.DateTimeField(),
)
_RANK = models.Case(
    models.When(priority=4, then=models.Value(0)),
    models.When(priority=3, then=models.Value(1)),
    models.When(priority=2, then=models.Value(2)),
    default=models.Value(3),
    output_field=models.SmallIntegerField(),
)
_URGENCY = (_DUE, _RANK, models.F("created_at"), models.F("id"))

_KEPT = """
UPDATE public.workitems_candidategroup c SET waiting = false FROM public.workitems_workitem w
    WHERE w.tenant_id = c.tenant_id AND w.id = c.work_item_id AND w.status <> 'PENDING';
UPDATE public.workitems_candidateuser c SET waiting = false FROM public.workitems_workitem w
    WHERE w.tenant_id = c.tenant_id AND w.id = c.work_item_id AND w.status <> 'PENDING';

CREATE FUNCTION public.workitems_item_waits() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    UPDATE public.workitems_candidategroup SET waiting = (NEW.status = 'PENDING')
        WHERE tenant_id = NEW.tenant_id AND work_item_id = NEW.id;
    UPDATE public.workitems_candidateuser SET waiting = (NEW.status = 'PENDING')
        WHERE tenant_id = NEW.tenant_id AND work_item_id = NEW.id;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION public.workitems_item_waits() FROM PUBLIC;

CREATE FUNCTION public.workitems_candidate_waits() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM public.workitems_workitem w WHERE w.tenant_id = NEW.tenant_id
          AND w.id = NEW.work_item_id AND w.status = 'PENDING'
    ) THEN
        EXECUTE format('UPDATE public.%I SET waiting = false WHERE id = $1', TG_TABLE_NAME)
            USING NEW.id;
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION public.workitems_candidate_waits() FROM PUBLIC;

CREATE TRIGGER workitems_workitem_waits AFTER UPDATE OF status ON public.workitems_workitem
    FOR EACH ROW WHEN ((OLD.status = 'PENDING') <> (NEW.status = 'PENDING'))
    EXECUTE FUNCTION public.workitems_item_waits();
CREATE TRIGGER workitems_candidategroup_waits AFTER INSERT ON public.workitems_candidategroup
    FOR EACH ROW EXECUTE FUNCTION public.workitems_candidate_waits();
CREATE TRIGGER workitems_candidateuser_waits AFTER INSERT ON public.workitems_candidateuser
    FOR EACH ROW EXECUTE FUNCTION public.workitems_candidate_waits();
"""


class Migration(migrations.Migration):
    """Indexes that were in the order of newness give way to those in the order of urgency."""

    dependencies = [("accounts", "0003_roles"), ("workitems", "0007_assigned")]

    operations = [
        migrations.RemoveIndex("candidategroup", "workitems_group_pool"),
        migrations.RemoveIndex("candidateuser", "workitems_user_pool"),
        migrations.RemoveIndex("workitem", "workitems_mine"),
        migrations.RemoveIndex("workitem", "workitems_reversals"),
        *(
            migrations.AddField(model, "waiting", models.BooleanField(default=True))
            for model in ("candidategroup", "candidateuser")
        ),
        migrations.RunSQL(_KEPT, migrations.RunSQL.noop),
        migrations.AddIndex(
            "candidategroup",
            models.Index(
                fields=["tenant", "name", "work_item"],
                name="workitems_group_waiting",
                condition=models.Q(waiting=True),
            ),
        ),
        migrations.AddIndex(
            "candidateuser",
            models.Index(
                fields=["tenant", "actor", "work_item"],
                name="workitems_user_waiting",
                condition=models.Q(waiting=True),
            ),
        ),
        migrations.AddIndex(
            "workitem",
            models.Index(
                models.F("tenant"),
                models.F("assignee"),
                *_URGENCY,
                name="workitems_mine_urgent",
                condition=models.Q(status__in=["ASSIGNED", "IN_PROGRESS"]),
            ),
        ),
        migrations.AddIndex(
            "workitem",
            models.Index(
                models.F("tenant"),
                *_URGENCY,
                name="workitems_pool_urgent",
                condition=models.Q(status="PENDING"),
            ),
        ),
        migrations.AddIndex(
            "workitem",
            models.Index(
                models.F("tenant"),
                *_URGENCY,
                name="workitems_reversals_urgent",
                condition=models.Q(kind="COMPENSATION", status="PENDING"),
            ),
        ),
        migrations.AddIndex(
            "workitem",
            models.Index(
                fields=["tenant", "id"],
                name="workitems_left_over",
                condition=models.Q(offered_to="OPERATORS", status="PENDING"),
            ),
        ),
        migrations.AddIndex(
            "workitem",
            models.Index(
                fields=["tenant", "id"],
                name="workitems_undecided",
                condition=models.Q(status="COMPENSATION_FAULTED"),
            ),
        ),
    ]
