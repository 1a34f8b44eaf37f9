"""Fewer keys. The tenant of an execution is that of whoever asked for it."""

from __future__ import annotations

from django.db import migrations

from ledger import sql


class Migration(migrations.Migration):
    """What is written at every step has one key less to be looked up for."""

    dependencies = [("executions", "0015_erase_roles")]

    operations = [sql.through_to_tenant("executions_execution")]
