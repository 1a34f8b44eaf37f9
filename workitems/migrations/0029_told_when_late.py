"""People are told of what is late without a deadline; of what is open and due later already, too.

The database keeps the row that falls due, whichever verb moves the item, so that none takes a
statement for it: it begins anew with another due time, and when an item on hold goes on; it goes
with the end of the item. An update that changes neither calls nothing.
"""

from __future__ import annotations

from django.db import migrations

_OPEN = "('PENDING', 'ASSIGNED', 'IN_PROGRESS', 'DELEGATED', 'SUSPENDED')"
_HAS_DEADLINE = "coalesce({0}deadlines -> 'limits' ? 'completion', false)"
_QUEUE = "CASE WHEN {0}kind = 'COMPENSATION' THEN 'undo' ELSE 'upkeep' END"
_KEEPS = f"""
CREATE FUNCTION public.workitems_is_due() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    IF OLD.due_at IS DISTINCT FROM NEW.due_at OR NEW.status NOT IN {_OPEN} THEN
        DELETE FROM public.workitems_deadline d
         WHERE d.tenant_id = NEW.tenant_id AND d.item_id = NEW.id AND d.name = 'due';
        IF NEW.due_at IS NOT NULL AND NEW.status IN {_OPEN} THEN
            INSERT INTO public.workitems_deadline (id, tenant_id, item_id, name, queue, due_at)
            VALUES (gen_random_uuid(), NEW.tenant_id, NEW.id, 'due',
                    {_QUEUE.format("NEW.")}, NEW.due_at);
        END IF;
    ELSE
        -- What was told before it was put on hold has no row any more.
        UPDATE public.workitems_deadline d SET due_at = NEW.due_at
         WHERE d.tenant_id = NEW.tenant_id AND d.item_id = NEW.id AND d.name = 'due';
    END IF;
    RETURN NULL;
END $$;
REVOKE ALL ON FUNCTION public.workitems_is_due() FROM PUBLIC;

CREATE TRIGGER workitems_workitem_due AFTER UPDATE OF status, due_at
    ON public.workitems_workitem FOR EACH ROW
    WHEN ((OLD.due_at IS DISTINCT FROM NEW.due_at
           OR (NEW.due_at IS NOT NULL AND OLD.status IS DISTINCT FROM NEW.status
               AND (OLD.status = 'SUSPENDED'
                    OR (OLD.status IN {_OPEN} AND NEW.status NOT IN {_OPEN}))))
          AND NOT {_HAS_DEADLINE.format("NEW.")})
    EXECUTE FUNCTION public.workitems_is_due();
"""  # noqa: S608  -- words of our own
_ADD = f"""
INSERT INTO workitems_deadline (id, tenant_id, item_id, name, queue, due_at)
SELECT gen_random_uuid(), tenant_id, id, 'due', {_QUEUE.format("")}, due_at
FROM workitems_workitem
WHERE status IN {_OPEN} AND due_at > now() AND NOT {_HAS_DEADLINE.format("")}
"""  # noqa: S608  -- words of our own
_DROP = """
DROP TRIGGER workitems_workitem_due ON public.workitems_workitem;
DROP FUNCTION public.workitems_is_due();
"""
_REMOVE = "DELETE FROM workitems_deadline WHERE name = 'due'"


class Migration(migrations.Migration):
    """A row of `workitems_deadline` for each open item that is due and has no deadline for it."""

    dependencies = [("workitems", "0028_outcomes_and_forms")]

    operations = [
        migrations.RunSQL(_KEEPS, _DROP),
        migrations.RunSQL(_ADD, _REMOVE),
    ]
