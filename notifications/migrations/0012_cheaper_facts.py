"""What is rarely asked of a task's candidates is asked by functions: a statement makes ready all that
it names at each execution, and these name more tables than the rest of it.
"""

from __future__ import annotations

from django.db import migrations

_SQL = """
-- Whether somebody is in a group that an item excludes.
CREATE FUNCTION public.notifications_shut_out(of_tenant uuid, groups jsonb, actor uuid)
    RETURNS boolean LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM public.accounts_groupmembership g
        JOIN public.accounts_membership m ON m.tenant_id = g.tenant_id AND m.id = g.membership_id
        WHERE g.tenant_id = of_tenant AND m.actor_id = actor AND groups ? g.name);
END $$;

-- Whether a candidate group of an item has an active member who may take it: not excluded, in no
-- excluded group, and not `but`. Membership is looked for and not listed: a group may be as large as
-- the tenant.
CREATE FUNCTION public.notifications_group_has_somebody(
    of_tenant uuid, item uuid, excluded jsonb, excluded_groups jsonb, but uuid)
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
          AND (excluded_groups = '[]' OR NOT public.notifications_shut_out(
                  of_tenant, excluded_groups, m.actor_id)));
END $$;
"""
_GONE = """
DROP FUNCTION public.notifications_group_has_somebody(uuid, uuid, jsonb, jsonb, uuid);
DROP FUNCTION public.notifications_shut_out(uuid, jsonb, uuid);
"""


class Migration(migrations.Migration):
    """Two functions, of whoever calls them."""

    dependencies = [
        ("notifications", "0011_indexes_without_tenant"),
        ("workitems", "0022_indexes_without_tenant"),
    ]

    operations = [migrations.RunSQL(_SQL, _GONE)]
