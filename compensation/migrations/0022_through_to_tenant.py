"""Fewer keys. The tenant of a step is that of its run, and of an attempt that of whoever asked for it."""

from __future__ import annotations

from django.db import migrations

from ledger import sql


class Migration(migrations.Migration):
    """What is written at every step has one key less to be looked up for."""

    dependencies = [("compensation", "0021_erase_roles")]

    operations = [sql.through_to_tenant("compensation_compensationstep", "compensation_compensationattempt")]
