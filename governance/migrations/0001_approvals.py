"""Approvals: their rows, steps and expiries, with row-level security, composite keys and the guard.

EXPLAIN of what waits for a person: Index Scan using governance_approval_waiting, and for each row
Index Scan using governance_step_number; of what expires: Index Scan using governance_expiry_due.
"""

from __future__ import annotations

import django.db.models.deletion
import django_fsm
import ledger.ids
from django.db import migrations, models

from ledger import sql

TABLES = {
    "governance_approval": "SELECT, INSERT, UPDATE",
    "governance_approvalstep": "SELECT, INSERT, UPDATE",
    "governance_approvalexpiry": "SELECT, INSERT, UPDATE, DELETE",
}


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0004_user_language_and_zone'),
        ('ledger', '0010_cheaper_leases'),
    ]

    operations = [
        migrations.CreateModel(
            name='Approval',
            fields=[
                ('id', models.UUIDField(default=ledger.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('version', models.IntegerField(default=1)),
                ('about_type', models.TextField()),
                ('about_id', models.UUIDField()),
                ('case_id', models.UUIDField(null=True)),
                ('action', models.TextField()),
                ('digest', models.TextField()),
                ('given', models.JSONField(default=dict)),
                ('status', django_fsm.FSMField(choices=[('PENDING', 'Waits for approval'), ('GRANTED', 'Approved'), ('REFUSED', 'Refused'), ('EXPIRED', 'Expired'), ('SUPERSEDED', 'Out of date'), ('WITHDRAWN', 'Withdrawn')], default='PENDING', max_length=50, protected=True)),
                ('reason', models.TextField()),
                ('decisions', models.JSONField(default=list)),
                ('step', models.IntegerField(default=1)),
                ('ended_because', models.TextField(blank=True, default='')),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('requested_by', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.actor')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
        ),
        migrations.CreateModel(
            name='ApprovalStep',
            fields=[
                ('id', models.UUIDField(default=ledger.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('n', models.IntegerField()),
                ('users', models.JSONField(default=list)),
                ('groups', models.JSONField(default=list)),
                ('roles', models.JSONField(default=list)),
                ('decision', models.TextField(blank=True, choices=[('', 'Waits'), ('GRANTED', 'Approved'), ('REFUSED', 'Refused')], default='')),
                ('reason', models.TextField(blank=True, default='')),
                ('at', models.DateTimeField(null=True)),
                ('approval', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='steps', to='governance.approval')),
                ('decided_by', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.actor')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
        ),
        migrations.CreateModel(
            name='ApprovalExpiry',
            fields=[
                ('approval', models.OneToOneField(db_constraint=False, on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='+', serialize=False, to='governance.approval')),
                ('queue', models.TextField(db_default='upkeep', default='upkeep')),
                ('due_at', models.DateTimeField()),
                ('leased_until', models.DateTimeField(null=True)),
                ('lease_token', models.UUIDField(null=True)),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
        ),
        migrations.AddIndex(
            model_name='approval',
            index=models.Index(fields=['tenant', '-created_at', '-id'], name='governance_approval_list'),
        ),
        migrations.AddIndex(
            model_name='approval',
            index=models.Index(condition=models.Q(('status', 'PENDING')), fields=['tenant', '-created_at', '-id'], name='governance_approval_waiting'),
        ),
        migrations.AddIndex(
            model_name='approval',
            index=models.Index(fields=['tenant', 'about_id'], name='governance_approval_about'),
        ),
        migrations.AddConstraint(
            model_name='approval',
            constraint=models.UniqueConstraint(condition=models.Q(('status', 'PENDING')), fields=('tenant', 'about_type', 'about_id'), name='governance_approval_one_pending'),
        ),
        migrations.AddConstraint(
            model_name='approvalstep',
            constraint=models.UniqueConstraint(fields=('tenant', 'approval', 'n'), name='governance_step_number'),
        ),
        migrations.AddIndex(
            model_name='approvalexpiry',
            index=models.Index(fields=['queue', 'tenant', 'due_at', 'approval'], name='governance_expiry_due'),
        ),
        *(sql.tenant_table(table, grants=grants) for table, grants in TABLES.items()),
        *(sql.to_tenant(table) for table in TABLES),
        sql.unique_in_tenant("governance_approval"),
        sql.unique_in_tenant("governance_approvalstep"),
        sql.unique_in_tenant("governance_approvalexpiry", "approval_id"),
        sql.tenant_fk("governance_approval", "requested_by_id", "accounts_actor"),
        sql.tenant_fk("governance_approvalstep", "approval_id", "governance_approval"),
        sql.tenant_fk("governance_approvalstep", "decided_by_id", "accounts_actor"),
        sql.tenant_fk("governance_approvalexpiry", "approval_id", "governance_approval"),
        sql.guard("governance_approval", "approval"),
        sql.opened_to("sweep", "governance_approvalexpiry", update=True),
        sql.opened_to("verify", "governance_approval", "id", "tenant_id", "status", "version"),
    ]
