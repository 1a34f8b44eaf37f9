"""Deliveries are announced in a queue like whatever else falls due."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """One shape for whatever is leased."""

    dependencies = [("notifications", "0004_unknown_effects"), ("ledger", "0005_lanes")]

    operations = [
        migrations.RemoveIndex("delivery", "notifications_due"),
        migrations.AddField(
            "delivery", "queue", models.TextField(default="notify", db_default="notify")
        ),
        migrations.AddIndex(
            "delivery",
            models.Index(
                fields=["queue", "tenant", "next_attempt_at", "id"],
                name="notifications_due",
                condition=models.Q(status__in=["FAILED", "PENDING"]),
            ),
        ),
    ]
