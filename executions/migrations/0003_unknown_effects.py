"""An execution of which nobody knows whether it had its effect, and the agent that it is given to."""

from __future__ import annotations

import django.db.models.deletion
import django_fsm
from django.db import migrations, models

from ledger import sql


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_walls'),
        ('executions', '0002_walls'),
    ]

    operations = [
        migrations.AddField(
            model_name='execution',
            name='outcome_unknown',
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name='execution',
            name='performer',
            field=models.ForeignKey(db_constraint=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.actor'),
        ),
        migrations.AlterField(
            model_name='execution',
            name='status',
            field=django_fsm.FSMField(choices=[('PENDING_APPROVAL', 'Waits for approval'), ('PENDING', 'Queued'), ('RUNNING', 'Running'), ('WAITING', 'Waits for a result'), ('SUCCEEDED', 'Done'), ('FAILED', 'Failed'), ('UNCERTAIN', 'Outcome unclear'), ('REJECTED', 'Refused'), ('EXPIRED', 'Expired'), ('SUPERSEDED', 'Replaced'), ('CANCELLED', 'Cancelled'), ('COMPENSATING', 'Being undone'), ('COMPENSATED', 'Undone'), ('COMPENSATION_FAULTED', 'Needs a decision')], default='PENDING', max_length=50, protected=True),
        ),
        sql.tenant_fk("executions_execution", "performer_id", "accounts_actor"),
    ]
