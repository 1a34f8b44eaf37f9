"""Answers half written. The database forgets one when its item changes hands or ends, whichever
verb does that: it is nobody else's, and nothing of it may stay.
"""

from __future__ import annotations

from django.db import migrations, models
from django.db.models import CASCADE, PROTECT

from ledger import sql

TABLE = "workitems_draft"
_OPEN = "('PENDING', 'ASSIGNED', 'IN_PROGRESS', 'DELEGATED', 'SUSPENDED')"
_FORGETS = f"""
CREATE FUNCTION public.workitems_draft_ends() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    DELETE FROM public.workitems_draft WHERE tenant_id = NEW.tenant_id AND item_id = NEW.id;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION public.workitems_draft_ends() FROM PUBLIC;

CREATE TRIGGER workitems_workitem_draft AFTER UPDATE OF status, assignee_id
    ON public.workitems_workitem FOR EACH ROW
    WHEN (OLD.assignee_id IS DISTINCT FROM NEW.assignee_id
          OR (OLD.status IN {_OPEN} AND NEW.status NOT IN {_OPEN}))
    EXECUTE FUNCTION public.workitems_draft_ends();
"""  # noqa: S608  -- words of our own


class Migration(migrations.Migration):
    """One draft of an item."""

    dependencies = [("workitems", "0018_progress")]

    operations = [
        migrations.CreateModel(
            "Draft",
            [
                (
                    "item",
                    models.OneToOneField(
                        "workitems.WorkItem",
                        CASCADE,
                        primary_key=True,
                        db_constraint=False,
                        related_name="+",
                        serialize=False,
                    ),
                ),
                (
                    "tenant",
                    models.ForeignKey(
                        "accounts.Tenant", PROTECT, db_constraint=False, related_name="+"
                    ),
                ),
                (
                    "actor",
                    models.ForeignKey(
                        "accounts.Actor", PROTECT, db_constraint=False, related_name="+"
                    ),
                ),
                ("form", models.JSONField()),
                ("saved_at", models.DateTimeField()),
            ],
        ),
        sql.tenant_table(TABLE, grants="SELECT, INSERT, UPDATE, DELETE"),
        sql.to_tenant(TABLE),
        sql.unique_in_tenant(TABLE, "item_id"),
        sql.tenant_fk(TABLE, "item_id", "workitems_workitem"),
        sql.tenant_fk(TABLE, "actor_id", "accounts_actor"),
        migrations.RunSQL(_FORGETS, migrations.RunSQL.noop),
    ]
