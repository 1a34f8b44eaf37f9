"""What fires a binding, as state: the case's last trigger, and what each plan item answered."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Columns of tables whose grants and guards stay."""

    dependencies = [
        ("cases", "0004_verify_steps"),
    ]

    operations = [
        migrations.AddField(
            model_name="case",
            name="triggered",
            field=models.IntegerField(default=1),
        ),
        migrations.AddField(
            model_name="planitem",
            name="case_version",
            field=models.IntegerField(default=0),
        ),
    ]
