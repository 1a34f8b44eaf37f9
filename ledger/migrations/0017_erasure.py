"""Requests to erase a person, their receipts, what is gone, and what is held; and the role in which
it is done."""

from __future__ import annotations

import django.db.models.functions.datetime
import ledger.ids
from django.db import migrations, models

from ledger import sql

WRITTEN = ("ledger_erasure", "ledger_legalhold")
INSERT_ONLY = ("ledger_erasurereceipt", "ledger_erasedpayload")


class Migration(migrations.Migration):
    """Rows that fall due, and stay; receipts that nobody changes."""

    dependencies = [
        ('ledger', '0016_lost_leases'),
    ]

    operations = [
        migrations.CreateModel(
            name='ErasedPayload',
            fields=[
                ('pk', models.CompositePrimaryKey('entry_id', 'name', blank=True, editable=False, primary_key=True, serialize=False)),
                ('entry_id', models.UUIDField()),
                ('name', models.TextField()),
                ('tenant_id', models.UUIDField()),
                ('receipt_id', models.UUIDField()),
                ('at', models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name='Erasure',
            fields=[
                ('id', models.UUIDField(default=ledger.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField()),
                ('version', models.IntegerField(db_default=1, default=1)),
                ('actor_id', models.UUIDField()),
                ('requested_by_id', models.UUIDField()),
                ('requested_at', models.DateTimeField()),
                ('reason', models.TextField(db_default='', default='')),
                ('also', models.JSONField(db_default=[], default=list)),
                ('names', models.JSONField(null=True)),
                ('state', models.TextField(db_default='COUNTING', default='COUNTING')),
                ('found', models.JSONField(db_default={}, default=dict)),
                ('kept', models.JSONField(db_default={}, default=dict)),
                ('erased', models.JSONField(db_default={}, default=dict)),
                ('place', models.JSONField(db_default={}, default=dict)),
                ('confirmed_by_id', models.UUIDField(null=True)),
                ('confirmed_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('attempts', models.IntegerField(db_default=0, default=0)),
                ('last_error', models.TextField(db_default='', default='')),
                ('queue', models.TextField(db_default='upkeep', default='upkeep')),
                ('due_at', models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ('leased_until', models.DateTimeField(null=True)),
                ('lease_token', models.UUIDField(null=True)),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('state__in', ['COUNTING', 'ERASING'])), fields=['queue', 'tenant_id', 'due_at', 'id'], name='ledger_erasure_due'), models.Index(fields=['tenant_id', '-requested_at', '-id'], name='ledger_erasure_new')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('tenant_id', 'actor_id'), name='ledger_erasure_one')],
            },
        ),
        migrations.CreateModel(
            name='ErasureReceipt',
            fields=[
                ('id', models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField()),
                ('actor_id', models.UUIDField(null=True)),
                ('confirmed_by_id', models.UUIDField(null=True)),
                ('basis', models.TextField()),
                ('counts', models.JSONField()),
                ('at', models.DateTimeField()),
                ('hash', models.BinaryField()),
            ],
            options={
                'indexes': [models.Index(fields=['tenant_id', '-at', '-id'], name='ledger_receipt_new')],
            },
        ),
        migrations.CreateModel(
            name='LegalHold',
            fields=[
                ('id', models.UUIDField(default=ledger.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('tenant_id', models.UUIDField()),
                ('version', models.IntegerField(db_default=1, default=1)),
                ('subject_type', models.TextField()),
                ('subject_id', models.UUIDField()),
                ('reason', models.TextField()),
                ('placed_by_id', models.UUIDField()),
                ('placed_at', models.DateTimeField()),
                ('lifted_by_id', models.UUIDField(null=True)),
                ('lifted_at', models.DateTimeField(null=True)),
                ('lifted_reason', models.TextField(db_default='', default='')),
            ],
            options={
                'indexes': [models.Index(fields=['tenant_id', '-placed_at', '-id'], name='ledger_hold_new')],
                'constraints': [models.UniqueConstraint(condition=models.Q(('lifted_at__isnull', True)), fields=('tenant_id', 'subject_type', 'subject_id'), name='ledger_hold_once')],
            },
        ),
        migrations.RunSQL(
            "ALTER TABLE public.ledger_erasure ALTER COLUMN due_at SET DEFAULT public.ledger_now()",
            migrations.RunSQL.noop,
        ),
        migrations.RunSQL(sql.GUARD + sql.APPEND_ONLY, migrations.RunSQL.noop),
        *(sql.tenant_table(table) for table in WRITTEN),
        sql.tenant_table("ledger_erasurereceipt", grants="SELECT, INSERT"),
        sql.tenant_table("ledger_erasedpayload", grants="SELECT"),
        *(sql.to_tenant(table) for table in (*WRITTEN, *INSERT_ONLY)),
        *(sql.unique_in_tenant(table) for table in (*WRITTEN, "ledger_erasurereceipt")),
        sql.tenant_fk("ledger_erasedpayload", "entry_id", "ledger_ledgerentry"),
        sql.append_only(INSERT_ONLY),
        sql.opened_to("sweep", "ledger_erasure", update=True),
    ]
