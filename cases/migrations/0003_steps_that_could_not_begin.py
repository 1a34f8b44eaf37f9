"""Plan items without work: steps that could not begin, and why a step let its case fail."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_walls'),
        ('cases', '0002_walls'),
    ]

    operations = [
        migrations.AddField(
            model_name='planitem',
            name='error',
            field=models.TextField(blank=True, default=''),
        ),
        migrations.AlterField(
            model_name='planitem',
            name='target_id',
            field=models.UUIDField(null=True),
        ),
        migrations.AddConstraint(
            model_name='planitem',
            constraint=models.CheckConstraint(condition=models.Q(('status', 'FAULTED'), ('target_id__isnull', False), _connector='OR'), name='cases_planitem_has_work'),
        ),
    ]
