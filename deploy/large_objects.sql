-- Run as superuser in every database of the server: nobody else makes large objects there.
-- They belong to no table, so neither row-level security nor the guards of the ledger see them.
DO $$
DECLARE
    found regprocedure;
BEGIN
    FOR found IN
        SELECT oid FROM pg_proc
         WHERE pronamespace = 'pg_catalog'::regnamespace
           AND (proname ~ '^lo_' OR proname IN ('loread', 'lowrite'))
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', found);
    END LOOP;
END
$$;
