"""Builders of the SQL that Django's migrations cannot say: policies, grants, guards, composite
keys.

Every builder returns a `RunSQL` for use in a migration of the app that owns the table. Tables live
in schema `public`; names are checked, never interpolated from input.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.db.migrations import RunSQL

APP_ROLE = "amends_app"
_NAME = re.compile(r"^[a-z_][a-z0-9_]*$")
# No subquery, which would be worked out once a statement too: the server walks through all of a
# statement that has one, each time that it is run, and looks for more. Where the tenant is named
# beside, as all selectors do, this is one comparison for the statement, and none for a row.
_TENANT = "nullif(current_setting('amends.tenant_id', true), '')::uuid"


def _checked(*names: str) -> None:
    for name in names:
        if not _NAME.match(name):
            raise ValueError(f"{name!r} is not a plain SQL name")


def tenant_table(
    table: str, *, grants: str = "SELECT, INSERT, UPDATE", key: str = "tenant_id"
) -> RunSQL:
    """Put `table` under forced row-level security, one policy for the app role, and grant to it.

    The owner gets a policy of its own: FORCE binds it too, and without one a data migration would
    silently see no rows and the guard (SECURITY DEFINER, owned by the owner) would refuse all.
    """
    _checked(table, key)
    return RunSQL(
        f"""
        ALTER TABLE public.{table} ENABLE ROW LEVEL SECURITY;
        ALTER TABLE public.{table} FORCE ROW LEVEL SECURITY;
        CREATE POLICY owner_all ON public.{table} TO CURRENT_USER USING (true) WITH CHECK (true);
        CREATE POLICY tenant_rows ON public.{table} TO {APP_ROLE}
            USING ({key} = {_TENANT}) WITH CHECK ({key} = {_TENANT});
        REVOKE ALL ON public.{table} FROM PUBLIC;
        GRANT {grants} ON public.{table} TO {APP_ROLE};
        """,
        RunSQL.noop,
    )


def shared_table(
    table: str, *, grants: str = "SELECT, INSERT, UPDATE, DELETE", role: str = APP_ROLE
) -> RunSQL:
    """Grant on a table that belongs to no tenant (users, sessions, content types)."""
    _checked(table, role)
    return RunSQL(f"GRANT {grants} ON public.{table} TO {role};", RunSQL.noop)


def only_the_tenant(table: str, *, key: str = "tenant_id") -> RunSQL:
    """Leave the app role the tenant's policy alone, on a table whose system scopes were a setting
    before they were roles."""
    _checked(table, key)
    return RunSQL(
        f"""
        DO $$
        DECLARE old name;
        BEGIN
            FOR old IN SELECT policyname FROM pg_policies
                WHERE schemaname = 'public' AND tablename = '{table}'
                  AND policyname LIKE 'scope\\_%' AND roles = ARRAY['{APP_ROLE}'::name]
            LOOP
                EXECUTE format('DROP POLICY %I ON public.{table}', old);
            END LOOP;
        END $$;
        ALTER POLICY tenant_rows ON public.{table}
            USING ({key} = {_TENANT}) WITH CHECK ({key} = {_TENANT});
        """,  # noqa: S608  -- checked names
        RunSQL.noop,
    )


def policies_without_subquery() -> RunSQL:
    """Give the tenant's policy of every table that there is the form of `tenant_table`."""
    tenant = _TENANT.replace("'", "''")
    return RunSQL(
        f"""
        DO $$
        DECLARE old record;
        BEGIN
            FOR old IN SELECT tablename AS name,
                    CASE tablename WHEN 'accounts_tenant' THEN 'id' ELSE 'tenant_id' END AS key
                FROM pg_policies WHERE schemaname = 'public' AND policyname = 'tenant_rows'
            LOOP
                EXECUTE format('ALTER POLICY tenant_rows ON public.%1$I'
                    ' USING (%2$I = {tenant}) WITH CHECK (%2$I = {tenant})', old.name, old.key);
            END LOOP;
        END $$;
        """,  # noqa: S608  -- words of our own
        RunSQL.noop,
    )


def scope_roles(*scopes: str) -> RunSQL:
    """Refuse to go on where the roles of the system scopes are missing: only a superuser makes
    roles, and what follows would fail with fewer words."""
    _checked(*scopes)
    wanted = ", ".join(f"'amends_{scope}'" for scope in scopes)
    return RunSQL(
        f"""
        DO $$
        DECLARE missing text;
        BEGIN
            SELECT string_agg(wanted, ', ') INTO missing FROM unnest(ARRAY[{wanted}]) wanted
             WHERE wanted NOT IN (SELECT rolname FROM pg_roles);
            IF missing IS NOT NULL THEN
                RAISE EXCEPTION 'missing roles: %; run deploy/roles.sql as superuser, then migrate'
                    ' again', missing USING ERRCODE = 'undefined_object';
            END IF;
        END $$;
        """,  # noqa: S608  -- checked names
        RunSQL.noop,
    )


def opened_to(scope: str, table: str, *columns: str, update: bool = False) -> RunSQL:
    """Let the role of a system scope read every row of `table`, of `columns` alone if given, and
    with `update` change it. Rows it neither adds nor removes."""
    _checked(scope, table, *columns)
    role = f"amends_{scope}"
    of = f" ({', '.join(columns)})" if columns else ""
    sql = f"""
        CREATE POLICY {scope}_select ON public.{table} FOR SELECT TO {role} USING (true);
        GRANT SELECT{of} ON public.{table} TO {role};
    """
    if update:
        sql += f"""
        CREATE POLICY {scope}_update ON public.{table} FOR UPDATE TO {role}
            USING (true) WITH CHECK (true);
        GRANT UPDATE ON public.{table} TO {role};
        """
    return RunSQL(sql, RunSQL.noop)


def written_by(scope: str, table: str, *commands: str) -> RunSQL:
    """Let the role of a system scope add rows to `table`, or change or remove them: `commands`."""
    _checked(scope, table, *(each.lower() for each in commands))
    checks = {"INSERT": "WITH CHECK (true)", "DELETE": "USING (true)"}
    policies = "".join(
        f"CREATE POLICY {scope}_{each.lower()} ON public.{table} FOR {each} TO amends_{scope}"
        f" {checks.get(each, 'USING (true) WITH CHECK (true)')};"
        for each in commands
    )
    grants = f"GRANT {', '.join(commands)} ON public.{table} TO amends_{scope};"
    return RunSQL(policies + grants, RunSQL.noop)


def erasable(table: str, *commands: str) -> RunSQL:
    """Let the role that erases people do `commands` to rows of `table`, of the tenant that is set
    and of no other. Safe to repeat."""
    _checked(table, *(each.lower() for each in commands))
    policies = "".join(
        f"DROP POLICY IF EXISTS erase_{each.lower()} ON public.{table};"
        f" CREATE POLICY erase_{each.lower()} ON public.{table} FOR {each} TO amends_erase"
        f"{'' if each == 'INSERT' else f' USING (tenant_id = {_TENANT})'}"
        f"{f' WITH CHECK (tenant_id = {_TENANT})' if each in {'INSERT', 'UPDATE'} else ''};"
        for each in commands
    )
    grants = f"GRANT {', '.join(commands)} ON public.{table} TO amends_erase;"
    return RunSQL(policies + grants, RunSQL.noop)


def unique_in_tenant(table: str, *columns: str) -> RunSQL:
    """Make (tenant_id, id) unique, the target of composite foreign keys; or other `columns`."""
    chosen = columns or ("id",)
    _checked(table, *chosen)
    name = f"{table}_tenant_{'_'.join(chosen)}_key"[:63]
    return RunSQL(
        f"ALTER TABLE public.{table} ADD CONSTRAINT {name}"
        f" UNIQUE (tenant_id, {', '.join(chosen)});",
        RunSQL.noop,
    )


def tenant_fk(table: str, column: str, target: str, *, target_column: str = "id") -> RunSQL:
    """Let (tenant_id, `column`) refer to `target` (tenant_id, id): no row points across tenants.

    Not deferrable on purpose: a wrong link fails at its own statement, where the cause is visible.
    """
    _checked(table, column, target, target_column)
    return RunSQL(
        f"ALTER TABLE public.{table} ADD CONSTRAINT {table}_{column}_fk"
        f" FOREIGN KEY (tenant_id, {column})"
        f" REFERENCES public.{target} (tenant_id, {target_column});",
        RunSQL.noop,
    )


def tenant_fk_of_kind(table: str, column: str, type_column: str, kind: str, target: str) -> RunSQL:
    """Let `column` refer to `target` within the tenant in those rows whose `type_column` is `kind`.

    For links below their target's app, which name a kind: its app adds the key. The generated
    column carries it and is nobody's to write.
    """
    carrier = f"{kind}_of_{column}"
    _checked(table, column, type_column, kind, target, carrier)
    return RunSQL(
        f"ALTER TABLE public.{table} ADD COLUMN {carrier} uuid"
        f" GENERATED ALWAYS AS (CASE WHEN {type_column} = '{kind}' THEN {column} END) STORED,"
        f" ADD CONSTRAINT {table}_{carrier}_fk FOREIGN KEY (tenant_id, {carrier})"
        f" REFERENCES public.{target} (tenant_id, id);",
        RunSQL.noop,
    )


def to_tenant(table: str) -> RunSQL:
    """Let `table`.tenant_id refer to a tenant."""
    _checked(table)
    return RunSQL(
        f"ALTER TABLE public.{table} ADD CONSTRAINT {table}_tenant_fk"
        " FOREIGN KEY (tenant_id) REFERENCES public.accounts_tenant (id);",
        RunSQL.noop,
    )


def through_to_tenant(*tables: str) -> RunSQL:
    """Let these refer to their tenant by no key of their own any more, because each has a composite
    key that no row can do without, to a row which does.

    A key less to be looked up for each row that is inserted, and with it the lock of the tenant's
    one row. That every table refers to a tenant by such a way is a test of the catalogue.
    """
    _checked(*tables)
    drops = (f"ALTER TABLE public.{table} DROP CONSTRAINT {table}_tenant_fk" for table in tables)
    return RunSQL(";".join(drops), RunSQL.noop)


def guard(table: str, subject_type: str) -> RunSQL:
    """Refuse, at commit, any insert or update of `table` without its ledger entry.

    The entry must be of the same transaction, subject, status and version; an update must raise the
    version by exactly one, so that one entry cannot cover two changes. What erases a person changes
    neither version nor status, in a role of its own. ENABLE ALWAYS keeps the guard firing under
    `session_replication_role = replica`.
    """
    _checked(table, subject_type)
    return RunSQL(
        f"""
        CREATE CONSTRAINT TRIGGER {table}_guard AFTER INSERT OR UPDATE ON public.{table}
            DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
            EXECUTE FUNCTION public.ledger_guard('{subject_type}');
        ALTER TABLE public.{table} ENABLE ALWAYS TRIGGER {table}_guard;
        """,
        RunSQL.noop,
    )


def title_key(table: str, **indexes: str) -> RunSQL:
    """Give `table` the column `title_key`: its titles in small letters and in the order of their
    bytes, so that those that begin with a text are found by bounds; and `indexes` of them within
    the tenant, by name, each of the rows that its condition is about ("" for all)."""
    _checked(table, *indexes)
    made = "".join(
        f"CREATE INDEX {name} ON public.{table} (tenant_id, title_key, created_at DESC, id DESC)"
        f"{f' WHERE {condition}' if condition else ''};"
        for name, condition in indexes.items()
    )
    return RunSQL(
        f"""
        ALTER TABLE public.{table} ADD COLUMN title_key text COLLATE "C"
            GENERATED ALWAYS AS (left(lower(title), 200)) STORED;
        {made}
        """,
        RunSQL.noop,
    )


def append_only(tables: Iterable[str]) -> RunSQL:
    """Refuse UPDATE, DELETE and TRUNCATE on `tables`, whoever asks."""
    statements = []
    for table in tables:
        _checked(table)
        statements.append(
            f"""
            CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON public.{table}
                FOR EACH ROW EXECUTE FUNCTION public.ledger_append_only();
            CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON public.{table}
                FOR EACH STATEMENT EXECUTE FUNCTION public.ledger_append_only();
            ALTER TABLE public.{table} ENABLE ALWAYS TRIGGER {table}_append_only;
            ALTER TABLE public.{table} ENABLE ALWAYS TRIGGER {table}_no_truncate;
            """
        )
    return RunSQL("".join(statements), RunSQL.noop)


# The tenant is compared in a way no index serves: the planner has just one to look the entry up by,
# that of the subject. Where tenants are many and small it takes every one for a single row, and
# would read all entries of a large one at each transition because the index of those is lower.
GUARD = """
CREATE OR REPLACE FUNCTION public.ledger_guard() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.version = OLD.version AND NEW.status = OLD.status
        AND pg_catalog.current_setting('role') = 'amends_erase' THEN
        RETURN NULL;
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.version <> OLD.version + 1 THEN
        RAISE EXCEPTION '% %: version must rise by one, from % came %',
            TG_ARGV[0], NEW.id, OLD.version, NEW.version
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    IF NOT EXISTS (
        SELECT 1 FROM public.ledger_ledgerentry e
        WHERE e.tenant_id IS NOT DISTINCT FROM NEW.tenant_id AND e.subject_id = NEW.id
          AND e.subject_version = NEW.version AND e.subject_type = TG_ARGV[0]
          AND e.to_status = NEW.status AND e.xact_id = pg_current_xact_id()
    ) THEN
        RAISE EXCEPTION '% % reached % (version %) without a ledger entry',
            TG_ARGV[0], NEW.id, NEW.status, NEW.version
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NULL;
END $$;
"""

# The role that erases people may change what was granted to it: texts that people wrote, and never
# what the ledger is made of.
APPEND_ONLY = """
CREATE OR REPLACE FUNCTION public.ledger_append_only() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND TG_LEVEL = 'ROW' AND current_user = 'amends_erase' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP
        USING ERRCODE = 'insufficient_privilege';
END $$;
"""

FUNCTIONS = f"""
{APPEND_ONLY}

CREATE FUNCTION public.ledger_stamp_xact() RETURNS trigger LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    NEW.xact_id := pg_current_xact_id();
    RETURN NEW;
END $$;

{GUARD}REVOKE ALL ON FUNCTION public.ledger_guard() FROM PUBLIC;
REVOKE ALL ON FUNCTION public.ledger_append_only() FROM PUBLIC;
REVOKE ALL ON FUNCTION public.ledger_stamp_xact() FROM PUBLIC;
"""

# Every new entry is remembered as unsealed by the row that it is itself, whoever inserts it. It has
# the rights of its caller and names the schema of all that it calls, and so no search path of its
# own: with one, the plan of the clock would be made anew for each entry, and again after it.
STAMP_AND_REMEMBER = """
CREATE OR REPLACE FUNCTION public.ledger_stamp_xact() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.xact_id := pg_catalog.pg_current_xact_id();
    INSERT INTO public.ledger_unsealedentry (tenant_id, entry_id) VALUES (NEW.tenant_id, NEW.id);
    RETURN NEW;
END $$;
"""
