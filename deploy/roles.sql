-- Run as superuser, once for the server; safe to repeat, and at once from several sides.
-- Roles that cannot log in and receive what migrations grant. amends_app is the application within one
-- tenant. The others each look across tenants for one purpose: the application becomes them for the
-- length of a transaction (SET) and has nothing of them otherwise (no INHERIT), because an inherited
-- membership applies the other role's policies too, and those show every tenant.
DO $$
DECLARE
    scope text;
BEGIN
    PERFORM pg_advisory_xact_lock(7301945);
    FOREACH scope IN ARRAY ARRAY['app', 'login', 'dispatch', 'sweep', 'verify', 'seal', 'erase']
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'amends_' || scope) THEN
            EXECUTE format('CREATE ROLE %I', 'amends_' || scope);
        END IF;
        EXECUTE format(
            'ALTER ROLE %I NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE NOREPLICATION INHERIT',
            'amends_' || scope);
        IF scope <> 'app' THEN
            EXECUTE format(
                'GRANT %I TO amends_app WITH INHERIT FALSE, SET TRUE, ADMIN FALSE', 'amends_' || scope);
        END IF;
    END LOOP;
END
$$;
