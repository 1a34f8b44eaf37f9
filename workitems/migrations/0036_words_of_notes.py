"""What a note says becomes other words when its text is another: that of somebody who was erased.

Until now they were made when a note came and when it was removed. Who was erased before is still
found by the words of their notes: those are made anew.
"""

from __future__ import annotations

from django.db import migrations

_SQL = """
DROP TRIGGER workitems_note_text_changed ON public.workitems_note;
CREATE TRIGGER workitems_note_text_changed AFTER INSERT OR UPDATE OF removed_at, text
    ON public.workitems_note FOR EACH ROW EXECUTE FUNCTION public.workitems_note_text();
SELECT public.workitems_keep_text(n.tenant_id, n.item_id) FROM public.workitems_note n
 WHERE n.text LIKE '[erased under receipt %';
"""


class Migration(migrations.Migration):
    """One trigger for every change of a note's text."""

    dependencies = [("workitems", "0035_erase_roles")]

    operations = [migrations.RunSQL(_SQL, migrations.RunSQL.noop)]
