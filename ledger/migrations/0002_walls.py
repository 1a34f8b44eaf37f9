"""Row-level security, grants, the transaction stamp, the append-only triggers and the guard function."""

from __future__ import annotations

from django.db import migrations

from ledger import sql

INSERT_ONLY = ("ledger_ledgerentry",)


class Migration(migrations.Migration):
    """What Django's schema editor cannot say."""

    dependencies = [("ledger", "0001_initial")]

    operations = [
        migrations.RunSQL(sql.FUNCTIONS, migrations.RunSQL.noop),
        migrations.RunSQL(
            """
            ALTER TABLE public.ledger_ledgerentry
                ADD COLUMN xact_id xid8 NOT NULL DEFAULT pg_current_xact_id();
            CREATE TRIGGER ledger_ledgerentry_stamp BEFORE INSERT ON public.ledger_ledgerentry
                FOR EACH ROW EXECUTE FUNCTION public.ledger_stamp_xact();
            ALTER TABLE public.ledger_ledgerentry ENABLE ALWAYS TRIGGER ledger_ledgerentry_stamp;
            """,
            migrations.RunSQL.noop,
        ),
        sql.tenant_table("ledger_ledgerentry", grants="SELECT, INSERT"),
        sql.tenant_table("ledger_ledgerhead"),
        sql.tenant_table("ledger_payload", grants="SELECT, INSERT"),
        sql.tenant_table("ledger_outboxevent", grants="SELECT, INSERT"),
        sql.tenant_table("ledger_outboxtask"),
        sql.append_only(INSERT_ONLY),
        sql.unique_in_tenant("ledger_ledgerentry"),
        sql.unique_in_tenant("ledger_outboxevent"),
        sql.tenant_fk("ledger_ledgerhead", "entry_id", "ledger_ledgerentry"),
        sql.tenant_fk("ledger_payload", "entry_id", "ledger_ledgerentry"),
        sql.tenant_fk("ledger_outboxtask", "event_id", "ledger_outboxevent"),
        sql.tenant_fk("ledger_ledgerentry", "caused_by_id", "ledger_ledgerentry"),
        sql.tenant_fk("ledger_ledgerentry", "original_id", "ledger_ledgerentry"),
    ]
