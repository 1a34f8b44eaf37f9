"""What says that a case has moved since the engine decided about it."""

from django.db import migrations

from cases.plan_state import CASE_MOVED


class Migration(migrations.Migration):
    """A function that fails, with a code of its own."""

    dependencies = [("cases", "0025_replayed_news")]

    operations = [migrations.RunSQL(CASE_MOVED, migrations.RunSQL.noop)]
