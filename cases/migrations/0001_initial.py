# The tables of cases.

import django.db.models.deletion
import django_fsm
import ledger.ids
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        ('accounts', '0002_walls'),
    ]

    operations = [
        migrations.CreateModel(
            name='CaseDefinition',
            fields=[
                ('id', models.UUIDField(default=ledger.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('namespace', models.TextField()),
                ('name', models.TextField()),
                ('version', models.TextField()),
                ('title', models.TextField()),
                ('source', models.TextField()),
                ('compiled', models.JSONField()),
                ('digest', models.TextField()),
                ('created_at', models.DateTimeField()),
                ('deployed_by', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.actor')),
                ('tenant', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
        ),
        migrations.CreateModel(
            name='Case',
            fields=[
                ('id', models.UUIDField(default=ledger.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('version', models.IntegerField(default=1)),
                ('title', models.TextField()),
                ('status', django_fsm.FSMField(choices=[('RUNNING', 'Running'), ('SUSPENDED', 'On hold'), ('COMPLETED', 'Completed'), ('FAULTED', 'Failed'), ('CANCELLED', 'Cancelled'), ('COMPENSATING', 'Being rolled back'), ('COMPENSATED', 'Rolled back'), ('PARTIALLY_COMPENSATED', 'Partly rolled back'), ('COMPENSATION_FAULTED', 'Rollback stopped'), ('CLOSED', 'Closed')], default='RUNNING', max_length=50, protected=True)),
                ('prior_status', models.TextField(blank=True, default='')),
                ('context', models.JSONField(default=dict)),
                ('invalidated', models.JSONField(default=list)),
                ('fault', models.TextField(blank=True, default='')),
                ('root_id', models.UUIDField()),
                ('created_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('opened_by', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.actor')),
                ('parent', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='children', to='cases.case')),
                ('tenant', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
                ('definition', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='cases', to='cases.casedefinition')),
            ],
        ),
        migrations.CreateModel(
            name='CompensationPlan',
            fields=[
                ('id', models.UUIDField(default=ledger.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('subject_type', models.TextField()),
                ('subject_id', models.UUIDField()),
                ('case_id', models.UUIDField(null=True)),
                ('scope', models.JSONField()),
                ('strategy', models.TextField(blank=True, default='')),
                ('include', models.JSONField(default=list)),
                ('reason', models.TextField()),
                ('regulatory_basis', models.JSONField(default=list)),
                ('digest', models.TextField()),
                ('content', models.JSONField()),
                ('requires_approval', models.BooleanField(default=False)),
                ('created_at', models.DateTimeField()),
                ('expires_at', models.DateTimeField()),
                ('created_by', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.actor')),
                ('tenant', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
        ),
        migrations.CreateModel(
            name='CompensationRun',
            fields=[
                ('id', models.UUIDField(default=ledger.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('version', models.IntegerField(default=1)),
                ('about_type', models.TextField()),
                ('about_id', models.UUIDField()),
                ('case_id', models.UUIDField(null=True)),
                ('root_case_id', models.UUIDField(null=True)),
                ('trigger', models.TextField(choices=[('operator', 'An operator')], default='operator')),
                ('status', django_fsm.FSMField(choices=[('PENDING_APPROVAL', 'Waiting for approval'), ('APPROVED', 'Approved'), ('RUNNING', 'Running'), ('PAUSED', 'Paused'), ('COMPLETED', 'Completed'), ('PARTIAL', 'Completed in part'), ('FAULTED', 'Stopped'), ('REJECTED', 'Refused'), ('CANCELLED', 'Cancelled'), ('EXPIRED', 'Expired'), ('SUPERSEDED', 'Superseded')], default='RUNNING', max_length=50, protected=True)),
                ('reason', models.TextField()),
                ('regulatory_basis', models.JSONField(default=list)),
                ('resume_after', models.BooleanField(default=False)),
                ('started_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('parent_run', models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='child_runs', to='cases.compensationrun')),
                ('plan', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='runs', to='cases.compensationplan')),
                ('requested_by', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.actor')),
                ('tenant', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
        ),
        migrations.CreateModel(
            name='CompensationStep',
            fields=[
                ('id', models.UUIDField(default=ledger.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('version', models.IntegerField(default=1)),
                ('n', models.IntegerField()),
                ('original_type', models.TextField()),
                ('original_id', models.UUIDField()),
                ('original_name', models.TextField()),
                ('completion_seq', models.BigIntegerField(null=True)),
                ('status', django_fsm.FSMField(choices=[('PLANNED', 'Planned'), ('WAITING', 'Waiting'), ('RUNNING', 'Under way'), ('DONE', 'Undone'), ('FAILED', 'Failed'), ('RESOLVED', 'Attested by a person'), ('ABANDONED', 'Abandoned'), ('SKIPPED', 'Not needed'), ('BLOCKED', 'Blocked')], default='PLANNED', max_length=50, protected=True)),
                ('mode', models.TextField()),
                ('strategy', models.TextField()),
                ('spec', models.JSONField()),
                ('binding', models.TextField(blank=True, default='')),
                ('compensation_type', models.TextField(blank=True, default='')),
                ('compensation_id', models.UUIDField(null=True)),
                ('adopted', models.BooleanField(default=False)),
                ('amendment', models.BooleanField(default=False)),
                ('error', models.TextField(blank=True, default='')),
                ('started_at', models.DateTimeField(null=True)),
                ('ended_at', models.DateTimeField(null=True)),
                ('run', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='steps', to='cases.compensationrun')),
                ('tenant', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
        ),
        migrations.CreateModel(
            name='PlanItem',
            fields=[
                ('id', models.UUIDField(default=ledger.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('binding', models.TextField()),
                ('type', models.TextField(choices=[('work_item', 'Task'), ('execution', 'Automated step')])),
                ('target_id', models.UUIDField()),
                ('status', models.TextField(choices=[('PENDING', 'Pending'), ('ACTIVE', 'Under way'), ('COMPLETED', 'Completed'), ('FAULTED', 'Failed'), ('REJECTED', 'Rejected'), ('OBSOLETE', 'No longer needed'), ('CANCELLED', 'Cancelled'), ('SUSPENDED', 'On hold')], default='ACTIVE')),
                ('completion_seq', models.BigIntegerField(null=True)),
                ('compensation_state', models.TextField(choices=[('NONE', 'Not undone'), ('COMPENSATING', 'Being undone'), ('COMPENSATED', 'Undone'), ('COMPENSATION_FAULTED', 'Undo failed')], default='NONE')),
                ('written', models.JSONField(default=list)),
                ('created_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(null=True)),
                ('case', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='plan_items', to='cases.case')),
                ('tenant', models.ForeignKey(db_constraint=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
        ),
        migrations.AddIndex(
            model_name='casedefinition',
            index=models.Index(fields=['tenant', '-created_at', '-id'], name='cases_definition_list'),
        ),
        migrations.AddConstraint(
            model_name='casedefinition',
            constraint=models.UniqueConstraint(fields=('tenant', 'namespace', 'name', 'version'), name='cases_definition_once'),
        ),
        migrations.AddIndex(
            model_name='case',
            index=models.Index(fields=['tenant', '-created_at', '-id'], name='cases_list'),
        ),
        migrations.AddIndex(
            model_name='case',
            index=models.Index(fields=['tenant', 'status', '-created_at'], name='cases_by_status'),
        ),
        migrations.AddIndex(
            model_name='compensationplan',
            index=models.Index(fields=['tenant', 'subject_id'], name='cases_plan_subject'),
        ),
        migrations.AddIndex(
            model_name='compensationrun',
            index=models.Index(fields=['tenant', '-started_at', '-id'], name='cases_run_list'),
        ),
        migrations.AddIndex(
            model_name='compensationrun',
            index=models.Index(fields=['tenant', 'about_id'], name='cases_run_about'),
        ),
        migrations.AddIndex(
            model_name='compensationrun',
            index=models.Index(fields=['tenant', 'case_id'], name='cases_run_case'),
        ),
        migrations.AddConstraint(
            model_name='compensationrun',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ['APPROVED', 'FAULTED', 'PAUSED', 'RUNNING']), ('parent_run__isnull', True), ('root_case_id__isnull', False)), fields=('tenant', 'root_case_id'), name='cases_run_one_live'),
        ),
        migrations.AddConstraint(
            model_name='compensationrun',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ['APPROVED', 'FAULTED', 'PAUSED', 'RUNNING']), ('parent_run__isnull', True)), fields=('tenant', 'about_type', 'about_id'), name='cases_run_one_live_about'),
        ),
        migrations.AddIndex(
            model_name='compensationstep',
            index=models.Index(condition=models.Q(('status__in', ['RUNNING', 'FAILED'])), fields=['tenant', 'original_id'], name='cases_step_under_way'),
        ),
        migrations.AddConstraint(
            model_name='compensationstep',
            constraint=models.UniqueConstraint(fields=('tenant', 'run', 'n'), name='cases_step_number'),
        ),
        migrations.AddConstraint(
            model_name='compensationstep',
            constraint=models.UniqueConstraint(fields=('tenant', 'run', 'original_id'), name='cases_step_original'),
        ),
        migrations.AddIndex(
            model_name='planitem',
            index=models.Index(fields=['tenant', 'case', 'completion_seq'], name='cases_planitem_order'),
        ),
        migrations.AddConstraint(
            model_name='planitem',
            constraint=models.UniqueConstraint(fields=('tenant', 'target_id'), name='cases_planitem_target'),
        ),
        migrations.AddConstraint(
            model_name='planitem',
            constraint=models.UniqueConstraint(condition=models.Q(('status__in', ['ACTIVE', 'PENDING', 'SUSPENDED'])), fields=('tenant', 'case', 'binding'), name='cases_planitem_one_open'),
        ),
    ]
