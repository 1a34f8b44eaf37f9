"""What erasing a person may read and change here."""

from __future__ import annotations

from django.db import migrations

from ledger import sql

# What erases a person changes neither version nor status, in a role of its own.
_ERASES = """
    IF TG_OP = 'UPDATE' AND NEW.version = OLD.version AND NEW.status = OLD.status
        AND pg_catalog.current_setting('role') = 'amends_erase' THEN
        RETURN NULL;
    END IF;
"""
STEP_GUARD = """
CREATE OR REPLACE FUNCTION public.compensation_step_guard() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
%(erases)s
    IF TG_OP = 'UPDATE' AND NEW.version <> OLD.version + 1 THEN
        RAISE EXCEPTION 'step %% of run %%: version must rise by one, from %% came %%',
            NEW.n, NEW.run_id, OLD.version, NEW.version
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NOT EXISTS (
        SELECT 1 FROM public.ledger_ledgerentry e
        WHERE e.tenant_id = NEW.tenant_id AND e.subject_id = NEW.run_id
          AND e.subject_type = 'compensation_run' AND e.xact_id = pg_current_xact_id()
          AND (e.compensation ->> 'step')::int = NEW.n
          AND e.compensation ->> 'step_status' = NEW.status
          AND (e.compensation ->> 'step_version')::int = NEW.version
    ) THEN
        RAISE EXCEPTION 'step %% of run %% reached %% (version %%) without a ledger entry',
            NEW.n, NEW.run_id, NEW.status, NEW.version
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
""" % {"erases": _ERASES}


class Migration(migrations.Migration):
    """Rows of the tenant that is set, in a role of their own."""

    dependencies = [("compensation", "0020_windows_overridden"), ("ledger", "0018_erase_roles")]

    operations = [
        sql.erasable("compensation_compensationrequest", "SELECT", "UPDATE"),
        sql.erasable("compensation_compensationattempt", "SELECT", "UPDATE"),
        sql.erasable("compensation_compensationplan", "SELECT", "UPDATE"),
        sql.erasable("compensation_compensationrun", "SELECT", "UPDATE"),
        sql.erasable("compensation_compensationstep", "SELECT", "UPDATE"),
        migrations.RunSQL(STEP_GUARD, migrations.RunSQL.noop),
    ]
