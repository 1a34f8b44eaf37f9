"""Runs below runs, and what a plan waives."""

from __future__ import annotations

from django.db import migrations, models

_LIVE = models.Q(status__in=["APPROVED", "FAULTED", "PAUSED", "RUNNING"])
_TRIGGERS = [
    ("operator", "An operator"),
    ("fault", "A step that failed"),
    ("batch", "A batch that failed"),
    ("rule", "A rule of the definition"),
    ("parent", "The rollback of the case above"),
    ("other_tenant", "Another organisation"),
]


class Migration(migrations.Migration):
    """One live run about anything, whether it is a step of another or not."""

    dependencies = [("compensation", "0017_attempts_lately")]

    operations = [
        migrations.AddField(
            "compensationplan",
            "waive",
            models.JSONField(
                default=list, db_default=models.Value([], output_field=models.JSONField())
            ),
        ),
        migrations.AddField(
            "compensationplan",
            "resume_after",
            models.BooleanField(default=False, db_default=False),
        ),
        migrations.AddField("compensationrun", "above_id", models.UUIDField(null=True)),
        migrations.AlterField(
            "compensationrun",
            "trigger",
            models.TextField(choices=_TRIGGERS, default="operator"),
        ),
        migrations.RemoveConstraint("compensationrun", "compensation_run_one_live_about"),
        migrations.AddConstraint(
            "compensationrun",
            models.UniqueConstraint(
                condition=_LIVE,
                fields=("tenant", "about_type", "about_id"),
                name="compensation_run_one_live_about",
            ),
        ),
        migrations.AddIndex(
            "compensationrun",
            models.Index(
                condition=models.Q(parent_run__isnull=False),
                fields=["tenant", "parent_run"],
                name="compensation_run_below",
            ),
        ),
    ]
