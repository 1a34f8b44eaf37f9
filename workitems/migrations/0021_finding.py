"""Work is found by every field, by its words and parts of them; people keep filters.

Words are a `tsvector` beside the item, kept by triggers, with one GIN index. Each word in it begins
with a piece of its tenant's id, so that the index is as good as one per tenant: what other tenants
have of a word is not read, for a word that begins with the asked one either. Parts of a title are
its runs of three letters, kept there too, after a `~`; a server needs no extension for it.

The index cannot serve the application's own queries: its operator may not be asked before the
policy of the tenant. `workitems_found` asks it as the owner, for the tenant of the transaction and
no other, and gives ids alone, which the caller reads under its policy.

EXPLAIN of the first page at 1,000,000 items, 10,000 of a second tenant beside them: `status` other
than COMPLETED: Index Scan using workitems_status; an undo task: workitems_kind; work being undone:
workitems_undone; `tainted`: workitems_tainted; `created_by`: workitems_opened_by; `assignee`:
workitems_assigned; `overdue`: workitems_open_due; `case`: workitems_case; COMPLETED, `priority`,
`group`, `candidate`, `outcome`, `completed_by`, `skippable`, moments and many of a word: Index Scan
using workitems_list, of 5,000 items at most, and of their groups and words by the keys of those
tables; few of a word: Bitmap Index Scan on workitems_item_words (0.2 ms for a hundred of them), then
workitems_workitem_pkey. The words of a million items take 789 MB, their index 130 MB, workitems_status
22 MB, workitems_opened_by 133 MB.
"""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

import ledger.ids
import workitems.finding.finding_tables
from ledger import sql

TEXTS, FILTERS = "workitems_itemtext", "workitems_savedfilter"
_NEWEST = ("-created_at", "-id")
_OPEN = ["ASSIGNED", "DELEGATED", "IN_PROGRESS", "PENDING", "SUSPENDED"]
_INDEXES = (
    models.Index(
        fields=["tenant", "status", *_NEWEST],
        name="workitems_status",
        condition=~models.Q(status="COMPLETED"),
    ),
    models.Index(
        fields=["tenant", "kind", *_NEWEST],
        name="workitems_kind",
        condition=~models.Q(kind="TASK"),
    ),
    models.Index(
        fields=["tenant", "compensation_state", *_NEWEST],
        name="workitems_undone",
        condition=~models.Q(compensation_state="NONE"),
    ),
    models.Index(
        fields=["tenant", *_NEWEST], name="workitems_tainted", condition=models.Q(tainted=True)
    ),
    models.Index(fields=["tenant", "created_by", *_NEWEST], name="workitems_opened_by"),
    models.Index(
        fields=["tenant", "due_at"],
        name="workitems_open_due",
        condition=models.Q(due_at__isnull=False, status__in=_OPEN),
    ),
)

_FUNCTIONS = r"""
-- The words of a text, in small letters: what stands between blanks and the marks of ASCII. What
-- counts as a letter beyond those is the same on every server then.
CREATE FUNCTION public.workitems_words(said text) RETURNS SETOF text LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp AS $$
    SELECT DISTINCT left(word, 60)
      FROM regexp_split_to_table(lower(left(said, 20000)), '[\s!-/:-@\[-`{-~]+') word
     WHERE word <> ''
$$;
CREATE FUNCTION public.workitems_parts(said text) RETURNS SETOF text LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp AS $$
    SELECT DISTINCT '~' || substr(lower(left(said, 500)), n, 3)
      FROM generate_series(1, least(length(said), 500) - 2) n
$$;
CREATE FUNCTION public.workitems_tag(tenant uuid) RETURNS text LANGUAGE sql IMMUTABLE
    SET search_path = pg_catalog, pg_temp AS $$ SELECT right(tenant::text, 8) $$;

CREATE FUNCTION public.workitems_tokens(tenant uuid, title text, more text) RETURNS tsvector
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT array_to_tsvector(array(
        SELECT public.workitems_tag(tenant) || token FROM (
            SELECT public.workitems_words(concat_ws(' ', title, more)) token
            UNION ALL SELECT public.workitems_parts(title)
        ) tokens
    ))
$$;

-- Each word that is asked for, or a word that begins with it, of so many characters at least.
CREATE FUNCTION public.workitems_asked(tenant uuid, asked text, shortest integer)
    RETURNS SETOF tsquery
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT ('''' || public.workitems_tag(tenant) || word || ''':*')::tsquery
      FROM public.workitems_words(left(asked, 200)) word WHERE length(word) >= shortest
$$;
CREATE FUNCTION public.workitems_asked_words(tenant uuid, asked text) RETURNS tsquery
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT string_agg(word::text, ' & ')::tsquery
      FROM public.workitems_asked(tenant, asked, 1) word
$$;
-- All parts of what is asked for; NULL where it is too short to have any. What has them all need
-- not have them in that order: a title is looked at once more.
CREATE FUNCTION public.workitems_asked_parts(tenant uuid, asked text) RETURNS tsquery
    LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
    SELECT string_agg(
        '''' || replace(replace(public.workitems_tag(tenant) || part, '\', '\\'), '''', '''''')
            || '''', ' & ')::tsquery
      FROM public.workitems_parts(left(asked, 200)) part
$$;
-- Whether so few rows are expected that the index is quick: what it finds it reads to the end, and
-- for the beginning of a word each word that begins so.
CREATE FUNCTION public.workitems_is_rare(query tsquery) RETURNS boolean LANGUAGE plpgsql
    SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    plan json;
BEGIN
    EXECUTE format(
        'EXPLAIN (FORMAT JSON) SELECT FROM public.workitems_itemtext WHERE words @@ %L::tsquery',
        query) INTO plan;
    RETURN (plan -> 0 -> 'Plan' ->> 'Plan Rows')::float8 <= 10000;
END $$;

-- Items of the transaction's tenant that may have what is asked for, where they are few; NULL where
-- they are many, or more than `most`: those are soon met in a list. Of several words it is enough to
-- ask for the rare ones: who reads these rows asks for all. What one or two characters begin is many,
-- which the statistics do not always know.
CREATE FUNCTION public.workitems_found(asked text, most integer) RETURNS uuid[] LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    reader uuid := nullif(current_setting('amends.tenant_id', true), '')::uuid;
    parts tsquery := public.workitems_asked_parts(reader, asked);
    words tsquery;
    query tsquery;
    before text := current_setting('enable_seqscan');
    found uuid[];
BEGIN
    SELECT string_agg(word::text, ' & ')::tsquery INTO words
      FROM public.workitems_asked(reader, asked, 3) word WHERE public.workitems_is_rare(word);
    query := coalesce(words || parts, words, parts);
    IF reader IS NULL OR query IS NULL
       OR (words IS NULL AND public.workitems_asked_words(reader, asked) IS NOT NULL)
       OR (parts IS NOT NULL AND NOT public.workitems_is_rare(parts)) THEN
        RETURN NULL;
    END IF;
    PERFORM set_config('enable_seqscan', 'off', true);
    SELECT coalesce(array_agg(item_id), '{}') INTO found FROM (
        SELECT t.item_id FROM public.workitems_itemtext t
         WHERE t.words @@ query AND (t.tenant_id = reader) IS TRUE LIMIT most + 1
    ) few;
    PERFORM set_config('enable_seqscan', before, true);
    RETURN CASE WHEN cardinality(found) <= most THEN found END;
END $$;

-- What is said beside the title: the description, and the notes that were not removed.
CREATE FUNCTION public.workitems_keep_text(of_tenant uuid, of_item uuid) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
    INSERT INTO public.workitems_itemtext (item_id, tenant_id, words)
    SELECT w.id, w.tenant_id, public.workitems_tokens(
               w.tenant_id, w.title,
               concat_ws(' ',
                   CASE WHEN jsonb_typeof(w.payload -> 'description') = 'string'
                        THEN w.payload ->> 'description' END,
                   (SELECT string_agg(n.text, ' ') FROM public.workitems_note n
                     WHERE n.tenant_id = w.tenant_id AND n.item_id = w.id
                       AND n.removed_at IS NULL)))
      FROM public.workitems_workitem w WHERE w.tenant_id = of_tenant AND w.id = of_item
    ON CONFLICT (item_id) DO UPDATE SET words = EXCLUDED.words
$$;
CREATE FUNCTION public.workitems_item_text() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM public.workitems_keep_text(NEW.tenant_id, NEW.id);
    RETURN NULL;
END $$;
CREATE FUNCTION public.workitems_note_text() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    PERFORM public.workitems_keep_text(NEW.tenant_id, NEW.item_id);
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION public.workitems_note_text() FROM PUBLIC;
REVOKE ALL ON FUNCTION public.workitems_found(text, integer) FROM PUBLIC;
REVOKE ALL ON FUNCTION public.workitems_is_rare(tsquery) FROM PUBLIC;
REVOKE ALL ON FUNCTION public.workitems_keep_text(uuid, uuid) FROM PUBLIC;
REVOKE ALL ON FUNCTION public.workitems_item_text() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION public.workitems_found(text, integer) TO amends_app;

SELECT public.workitems_keep_text(w.tenant_id, w.id) FROM public.workitems_workitem w;
CREATE INDEX workitems_item_words ON public.workitems_itemtext USING gin (words);

CREATE TRIGGER workitems_workitem_text_made AFTER INSERT ON public.workitems_workitem
    FOR EACH ROW EXECUTE FUNCTION public.workitems_item_text();
CREATE TRIGGER workitems_workitem_text_changed AFTER UPDATE OF title, payload
    ON public.workitems_workitem FOR EACH ROW
    WHEN (OLD.title IS DISTINCT FROM NEW.title
          OR OLD.payload -> 'description' IS DISTINCT FROM NEW.payload -> 'description')
    EXECUTE FUNCTION public.workitems_item_text();
CREATE TRIGGER workitems_note_text_changed AFTER INSERT OR UPDATE OF removed_at
    ON public.workitems_note FOR EACH ROW EXECUTE FUNCTION public.workitems_note_text();
"""


def _actor(name: str) -> tuple[str, models.ForeignKey]:
    target = "accounts.Tenant" if name == "tenant" else "accounts.Actor"
    return name, models.ForeignKey(
        target, django.db.models.deletion.PROTECT, db_constraint=False, related_name="+"
    )


class Migration(migrations.Migration):
    """Indexes of items, their words beside them, and saved filters."""

    dependencies = [("accounts", "0003_roles"), ("workitems", "0020_attachments")]

    operations = [
        # `workitems_status` has what it had.
        migrations.RemoveIndex("workitem", "workitems_pool"),
        *(migrations.AddIndex("workitem", each) for each in _INDEXES),
        migrations.CreateModel(
            "ItemText",
            [
                (
                    "item",
                    models.OneToOneField(
                        "workitems.WorkItem",
                        django.db.models.deletion.CASCADE,
                        primary_key=True,
                        db_constraint=False,
                        related_name="+",
                        serialize=False,
                    ),
                ),
                _actor("tenant"),
                ("words", workitems.finding.finding_tables.WordsField()),
            ],
        ),
        migrations.CreateModel(
            "SavedFilter",
            [
                (
                    "id",
                    models.UUIDField(
                        default=ledger.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                _actor("tenant"),
                ("version", models.IntegerField(default=1)),
                _actor("owner"),
                ("name", models.TextField()),
                ("filter", models.JSONField(default=dict)),
                ("shared", models.BooleanField(default=False)),
                ("created_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            {
                "constraints": [
                    models.UniqueConstraint(
                        fields=["tenant", "owner", "name"],
                        name="workitems_savedfilter_once",
                        condition=models.Q(ended_at__isnull=True),
                    ),
                ],
                "indexes": [
                    models.Index(
                        fields=["tenant", "owner", *_NEWEST],
                        name="workitems_filters_own",
                        condition=models.Q(ended_at__isnull=True),
                    ),
                    models.Index(
                        fields=["tenant", *_NEWEST],
                        name="workitems_filters_shared",
                        condition=models.Q(ended_at__isnull=True, shared=True),
                    ),
                ],
            },
        ),
        sql.tenant_table(TEXTS, grants="SELECT"),
        sql.to_tenant(TEXTS),
        sql.unique_in_tenant(TEXTS, "item_id"),
        sql.tenant_fk(TEXTS, "item_id", "workitems_workitem"),
        sql.tenant_table(FILTERS),
        sql.to_tenant(FILTERS),
        sql.unique_in_tenant(FILTERS),
        sql.tenant_fk(FILTERS, "owner_id", "accounts_actor"),
        migrations.RunSQL(_FUNCTIONS, migrations.RunSQL.noop),
    ]
