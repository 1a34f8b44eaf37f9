"""Executions that used a result which was undone since."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('executions', '0012_work_of_other_tenants'),
    ]

    operations = [
        migrations.AddField(
            model_name='execution',
            name='tainted',
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
