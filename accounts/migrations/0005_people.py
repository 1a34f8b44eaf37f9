"""Who stands in for whom, from when until when; and ids by which tokens are named; and skills."""

from __future__ import annotations

import django.db.models.deletion
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.db import migrations, models

import ledger.ids
from ledger import sql

TABLE = "accounts_substitution"
_STOOD_IN_FOR = """
-- For whom somebody stands in at a moment: actor, for the work of which group alone, roles, whether
-- they are an active member, groups.
CREATE FUNCTION public.accounts_stood_in_for(of_tenant uuid, actor uuid, moment timestamptz)
    RETURNS jsonb LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN (
        SELECT jsonb_agg(jsonb_build_array(s.person_id, s.group_name, p.roles,
                   p.is_active AND u.is_active,
                   ARRAY(SELECT g.name FROM public.accounts_groupmembership g
                         WHERE g.tenant_id = p.tenant_id AND g.membership_id = p.id))
               ORDER BY s.created_at, s.id)
        FROM public.accounts_substitution s
        JOIN public.accounts_membership p ON p.tenant_id = s.tenant_id AND p.actor_id = s.person_id
        JOIN public.accounts_user u ON u.id = p.user_id
        WHERE s.tenant_id = of_tenant AND s.substitute_id = actor
          AND s.ended_at IS NULL AND s.since <= moment AND s.until > moment);
END $$;
"""
_GONE = "DROP FUNCTION public.accounts_stood_in_for(uuid, uuid, timestamptz);"


def _to(model: str) -> models.Field:
    return models.ForeignKey(
        model, django.db.models.deletion.PROTECT, db_constraint=False, related_name="+"
    )


class Migration(migrations.Migration):
    """A table of which dates and end are written later."""

    dependencies = [("accounts", "0004_user_language_and_zone")]

    operations = [
        migrations.AddField(
            "apitoken",
            "public_id",
            models.UUIDField(default=ledger.ids.new_id, db_default=RandomUUID(), editable=False),
        ),
        migrations.AddConstraint(
            "apitoken",
            models.UniqueConstraint(fields=("tenant", "public_id"), name="accounts_token_once"),
        ),
        migrations.AddField(
            "membership", "skills", ArrayField(models.TextField(), default=list, db_default=[])
        ),
        migrations.CreateModel(
            "Substitution",
            [
                (
                    "id",
                    models.UUIDField(
                        default=ledger.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("group_name", models.TextField(blank=True, default="")),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField()),
                ("version", models.IntegerField(default=1)),
                ("created_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
                ("created_by", _to("accounts.actor")),
                ("person", _to("accounts.actor")),
                ("substitute", _to("accounts.actor")),
                ("tenant", _to("accounts.tenant")),
            ],
            {
                "indexes": [
                    models.Index(
                        fields=["tenant", "-created_at", "-id"], name="accounts_substitution_list"
                    ),
                    models.Index(
                        condition=models.Q(("ended_at", None)),
                        fields=["tenant", "substitute", "until"],
                        name="accounts_substitution_by",
                    ),
                    models.Index(
                        condition=models.Q(("ended_at", None)),
                        fields=["tenant", "person", "until"],
                        name="accounts_substitution_of",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("person", models.F("substitute")), _negated=True),
                        name="accounts_substitution_of_another",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("since__lt", models.F("until"))),
                        name="accounts_substitution_dates",
                    ),
                ],
            },
        ),
        sql.tenant_table(
            TABLE, grants="SELECT, INSERT, UPDATE (since, until, version, ended_at)"
        ),
        sql.to_tenant(TABLE),
        sql.unique_in_tenant(TABLE, "id"),
        *(
            sql.tenant_fk(TABLE, column, "accounts_actor")
            for column in ("person_id", "substitute_id", "created_by_id")
        ),
        migrations.RunSQL(_STOOD_IN_FOR, _GONE),
    ]
