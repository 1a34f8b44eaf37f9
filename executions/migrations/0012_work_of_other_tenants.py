"""What work stands for in another tenant, of which its undo is asked."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('executions', '0011_batches'),
    ]

    operations = [
        migrations.AddField(
            model_name='execution',
            name='remote',
            field=models.JSONField(null=True),
        ),
    ]
