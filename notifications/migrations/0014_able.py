"""Whether somebody has the skills that a task asks for is asked by a function, as what is rare is."""

from __future__ import annotations

from django.db import migrations

_SQL = """
CREATE FUNCTION public.notifications_able(of_tenant uuid, wanted jsonb, actor uuid)
    RETURNS boolean LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM public.accounts_membership m
        WHERE m.tenant_id = of_tenant AND m.actor_id = actor AND wanted <@ to_jsonb(m.skills));
END $$;
"""


class Migration(migrations.Migration):
    """A function, of whoever calls it."""

    dependencies = [
        ("accounts", "0005_people"),
        ("notifications", "0013_more_news"),
        ("workitems", "0025_required_skills"),
    ]

    operations = [
        migrations.RunSQL(_SQL, "DROP FUNCTION public.notifications_able(uuid, jsonb, uuid);")
    ]
