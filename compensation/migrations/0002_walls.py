"""Row-level security, grants, composite keys and the guards of undoing."""

from __future__ import annotations

from django.db import migrations

from ledger import sql

TABLES = {
    "compensation_compensationattempt": "SELECT, INSERT, UPDATE",
    "compensation_completioncounter": "SELECT, INSERT, UPDATE",
    # Insert-only: a plan and its content never change.
    "compensation_compensationplan": "SELECT, INSERT",
    "compensation_compensationrun": "SELECT, INSERT, UPDATE",
    "compensation_compensationstep": "SELECT, INSERT, UPDATE",
}

# A step's entry has its run as subject and names the step, its status and its version.
STEP_GUARD = """
CREATE FUNCTION public.compensation_step_guard() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.version <> OLD.version + 1 THEN
        RAISE EXCEPTION 'step % of run %: version must rise by one, from % came %',
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
        RAISE EXCEPTION 'step % of run % reached % (version %) without a ledger entry',
            NEW.n, NEW.run_id, NEW.status, NEW.version
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION public.compensation_step_guard() FROM PUBLIC;
CREATE CONSTRAINT TRIGGER compensation_compensationstep_guard
    AFTER INSERT OR UPDATE ON public.compensation_compensationstep
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.compensation_step_guard();
ALTER TABLE public.compensation_compensationstep ENABLE ALWAYS TRIGGER compensation_compensationstep_guard;
"""
# The guard asks for the entries of one step of one run; a run of a thousand steps has thousands.
STEP_INDEX = """
CREATE INDEX compensation_step_entries ON public.ledger_ledgerentry
    (tenant_id, subject_id, ((compensation ->> 'step')::int))
    WHERE subject_type = 'compensation_run';
"""


class Migration(migrations.Migration):
    """What Django's schema editor cannot say."""

    dependencies = [
        ("compensation", "0001_initial"),
        ("accounts", "0002_walls"),
        ("ledger", "0002_walls"),
    ]

    operations = [
        *(sql.tenant_table(table, grants=grants) for table, grants in TABLES.items()),
        *(sql.to_tenant(table) for table in TABLES),
        *(
            sql.unique_in_tenant(table)
            for table in TABLES
            if table != "compensation_completioncounter"
        ),
        sql.unique_in_tenant("compensation_completioncounter", "case_id"),
        sql.tenant_fk("compensation_compensationattempt", "requested_by_id", "accounts_actor"),
        sql.tenant_fk("compensation_compensationplan", "created_by_id", "accounts_actor"),
        sql.tenant_fk("compensation_compensationrun", "plan_id", "compensation_compensationplan"),
        sql.tenant_fk(
            "compensation_compensationrun", "parent_run_id", "compensation_compensationrun"
        ),
        sql.tenant_fk("compensation_compensationrun", "requested_by_id", "accounts_actor"),
        sql.tenant_fk("compensation_compensationstep", "run_id", "compensation_compensationrun"),
        sql.append_only(["compensation_compensationplan"]),
        sql.guard("compensation_compensationrun", "compensation_run"),
        migrations.RunSQL(STEP_GUARD, migrations.RunSQL.noop),
        migrations.RunSQL(STEP_INDEX, migrations.RunSQL.noop),
    ]
