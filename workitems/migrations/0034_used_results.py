"""Which work of a case used what a step had written that was undone since.

EXPLAIN of one that a review is about: Index Scan using workitems_used_review.
"""

from __future__ import annotations

import django.db.models.deletion
import ledger.ids
from django.db import migrations, models

from ledger import sql

TABLE = "workitems_usedresult"


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0005_people'),
        ('workitems', '0033_work_of_other_tenants'),
    ]

    operations = [
        migrations.CreateModel(
            name='UsedResult',
            fields=[
                ('id', models.UUIDField(default=ledger.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ('user_type', models.TextField()),
                ('user_id', models.UUIDField()),
                ('source_type', models.TextField()),
                ('source_id', models.UUIDField()),
                ('round', models.IntegerField()),
                ('review', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='workitems.workitem')),
                ('tenant', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant')),
            ],
            options={
                'indexes': [models.Index(fields=['tenant', 'review'], name='workitems_used_review')],
                'constraints': [models.UniqueConstraint(fields=('tenant', 'user_id', 'source_id'), name='workitems_used_once')],
            },
        ),
        sql.tenant_table(TABLE),
        sql.to_tenant(TABLE),
        sql.unique_in_tenant(TABLE),
        sql.tenant_fk(TABLE, "review_id", "workitems_workitem"),
    ]
