"""The insert of an item costs less.

One function makes its words in a loop, of what is inserted, which nothing has to be read for. Whoever
names a candidate has the item locked, or inserts it too, and says whether it waits; that the two
stay alike when the item moves is still kept here.
"""

from __future__ import annotations

from django.db import migrations

_SQL = r"""
-- The parts of a title and the words of a text, each behind the tag of its tenant. The same as
-- `workitems_words` and `workitems_parts` give, which are asked for a text at a time: calls and
-- sorts of theirs were most of what an insert cost.
CREATE OR REPLACE FUNCTION public.workitems_tokens(tenant uuid, title text, more text)
    RETURNS tsvector LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    tag text := public.workitems_tag(tenant);
    small text := lower(left(title, 500));
    tokens text[] := '{}';
BEGIN
    FOR n IN 1 .. least(length(title), 500) - 2 LOOP
        tokens := tokens || (tag || '~' || substr(small, n, 3));
    END LOOP;
    RETURN array_to_tsvector(tokens || array(
        SELECT tag || left(word, 60)
          FROM unnest(regexp_split_to_array(
                   lower(left(concat_ws(' ', title, more), 20000)), '[\s!-/:-@\[-`{-~]+')) word
         WHERE word <> ''));
END $$;

CREATE OR REPLACE FUNCTION public.workitems_item_text() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        -- It cannot have notes yet.
        INSERT INTO public.workitems_itemtext (item_id, tenant_id, words)
        VALUES (NEW.id, NEW.tenant_id, public.workitems_tokens(
            NEW.tenant_id, NEW.title,
            CASE WHEN jsonb_typeof(NEW.payload -> 'description') = 'string'
                 THEN NEW.payload ->> 'description' END));
    ELSE
        PERFORM public.workitems_keep_text(NEW.tenant_id, NEW.id);
    END IF;
    RETURN NULL;
END $$;

DROP TRIGGER workitems_candidategroup_waits ON public.workitems_candidategroup;
DROP TRIGGER workitems_candidateuser_waits ON public.workitems_candidateuser;
DROP FUNCTION public.workitems_candidate_waits();
"""


class Migration(migrations.Migration):
    """Two functions, and two triggers less."""

    dependencies = [("workitems", "0022_indexes_without_tenant")]

    operations = [migrations.RunSQL(_SQL, migrations.RunSQL.noop)]
