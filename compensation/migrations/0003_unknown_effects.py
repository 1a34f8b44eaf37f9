"""Attempts that may have happened, and what a run waits for."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('compensation', '0002_walls'),
    ]

    operations = [
        migrations.AddField(
            model_name='compensationrun',
            name='waits_for',
            field=models.JSONField(default=list),
        ),
        migrations.AlterField(
            model_name='compensationattempt',
            name='outcome',
            field=models.TextField(blank=True, choices=[('', 'Under way'), ('DONE', 'Undone'), ('FAILED', 'Failed'), ('UNCERTAIN', 'May have happened'), ('WITHDRAWN', 'Withdrawn'), ('ATTESTED', 'Attested by a person'), ('ABANDONED', 'Abandoned')], default=''),
        ),
    ]
