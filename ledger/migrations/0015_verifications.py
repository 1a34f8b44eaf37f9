"""Checks of a tenant's ledger that somebody asked for, and how they ended."""

from __future__ import annotations

import django.db.models.functions.datetime
import ledger.ids
from django.db import migrations, models

from ledger import sql

TABLE = "ledger_ledgerverification"


class Migration(migrations.Migration):
    """Rows that fall due, and stay."""

    dependencies = [
        ('ledger', '0014_seal_roles'),
    ]

    operations = [
        migrations.CreateModel(
            name='LedgerVerification',
            fields=[
                ('id', models.UUIDField(default=ledger.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField()),
                ('requested_by_id', models.UUIDField()),
                ('requested_at', models.DateTimeField()),
                ('started_at', models.DateTimeField(null=True)),
                ('finished_at', models.DateTimeField(null=True)),
                ('total', models.BigIntegerField(db_default=0, default=0)),
                ('checked', models.BigIntegerField(db_default=0, default=0)),
                ('outcome', models.TextField(db_default='', default='')),
                ('result', models.JSONField(null=True)),
                ('attempts', models.IntegerField(db_default=0, default=0)),
                ('queue', models.TextField(db_default='upkeep', default='upkeep')),
                ('due_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('leased_until', models.DateTimeField(null=True)),
                ('lease_token', models.UUIDField(null=True)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('finished_at__isnull', True)), fields=['queue', 'tenant_id', 'due_at', 'id'], name='ledger_verification_due'), models.Index(fields=['tenant_id', '-requested_at'], name='ledger_verification_new')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('finished_at__isnull', True)), fields=('tenant_id',), name='ledger_verification_one')],
            },
        ),
        migrations.RunSQL(
            f"ALTER TABLE public.{TABLE} ALTER COLUMN due_at SET DEFAULT public.ledger_now()",
            migrations.RunSQL.noop,
        ),
        sql.tenant_table(TABLE),
        sql.to_tenant(TABLE),
        sql.opened_to("sweep", TABLE, update=True),
    ]
