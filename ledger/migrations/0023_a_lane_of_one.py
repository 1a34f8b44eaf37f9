"""A lane in which one task waits is taken by a statement of its own."""

from django.db import migrations

from ledger.dispatch import lane_sql


class Migration(migrations.Migration):
    """The function that takes a lane, once more."""

    dependencies = [("ledger", "0022_retention")]

    operations = [migrations.RunSQL(lane_sql.TAKE_LANE, migrations.RunSQL.noop)]
