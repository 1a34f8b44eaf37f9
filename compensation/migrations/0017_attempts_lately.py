"""The attempts of a period, for what is counted of them.

EXPLAIN of those of thirty days among many: Index Scan using compensation_attempt_lately.
"""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0005_people'),
        ('compensation', '0016_requests_of_other_tenants'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='compensationattempt',
            index=models.Index(fields=['tenant', '-started_at'], name='compensation_attempt_lately'),
        ),
    ]
