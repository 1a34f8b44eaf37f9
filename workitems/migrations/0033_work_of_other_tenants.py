"""What work stands for in another tenant, of which its undo is asked."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('workitems', '0032_rare_parts'),
    ]

    operations = [
        migrations.AddField(
            model_name='workitem',
            name='remote',
            field=models.JSONField(null=True),
        ),
    ]
