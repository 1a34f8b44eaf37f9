"""What other tenants ask to have undone: rows of whoever is asked, behind the tenant's wall, with the
guard; and their runs' trigger.

EXPLAIN of those that wait: Index Scan using compensation_request_waiting; of the one that a run
answers: Index Scan using compensation_request_run.
"""

from __future__ import annotations

import django.db.models.deletion
import django_fsm
import ledger.ids
from django.db import migrations, models

from ledger import sql

TABLE = "compensation_compensationrequest"


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0005_people'),
        ('compensation', '0015_rule_trigger'),
    ]

    operations = [
        migrations.AlterField(
            model_name='compensationrun',
            name='trigger',
            field=models.TextField(choices=[('operator', 'An operator'), ('fault', 'A step that failed'), ('batch', 'A batch that failed'), ('rule', 'A rule of the definition'), ('other_tenant', 'Another organisation')], default='operator'),
        ),
        migrations.CreateModel(
            name='CompensationRequest',
            fields=[
                ('id', models.UUIDField(default=ledger.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('version', models.IntegerField(default=1)),
                ('about_type', models.TextField()),
                ('about_id', models.UUIDField()),
                ('status', django_fsm.FSMField(choices=[('PENDING', 'Waits for your decision'), ('APPROVED', 'Being undone'), ('REFUSED', 'Refused'), ('DONE', 'Undone'), ('FAILED', 'Not undone')], default='PENDING', max_length=50, protected=True)),
                ('asking_tenant_id', models.UUIDField(editable=False)),
                ('asking_id', models.UUIDField(editable=False)),
                ('asking_name', models.TextField(verbose_name='asked for by')),
                ('asking_hash', models.TextField()),
                ('strategy', models.TextField(default='restore')),
                ('reason', models.TextField(blank=True, default='')),
                ('regulatory_basis', models.JSONField(default=list)),
                ('run_id', models.UUIDField(null=True, verbose_name='rollback')),
                ('answer', models.TextField(blank=True, default='')),
                ('answer_reason', models.TextField(blank=True, default='')),
                ('created_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('decided_by', models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.actor')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
            options={
                'verbose_name': 'request of another organisation',
                'verbose_name_plural': 'requests of other organisations',
                'indexes': [models.Index(fields=['tenant', '-created_at', '-id'], name='compensation_request_list'), models.Index(condition=models.Q(('status', 'PENDING')), fields=['tenant', '-created_at', '-id'], name='compensation_request_waiting'), models.Index(fields=['tenant', 'about_id'], name='compensation_request_about'), models.Index(condition=models.Q(('run_id__isnull', False)), fields=['tenant', 'run_id'], name='compensation_request_run')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'asking_tenant_id', 'asking_id'), name='compensation_request_once')],
            },
        ),
        sql.tenant_table(TABLE),
        sql.to_tenant(TABLE),
        sql.unique_in_tenant(TABLE),
        sql.tenant_fk(TABLE, "decided_by_id", "accounts_actor"),
        sql.guard(TABLE, "compensation_request"),
        sql.opened_to("verify", TABLE, "id", "tenant_id", "status", "version"),
    ]
