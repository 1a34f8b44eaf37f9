"""Indexes of links without the tenant go: every query names it, and has one that begins with it.
What nobody reads was written at every change of a row.
"""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_user_language_and_zone'),
        ('executions', '0007_words'),
    ]

    operations = [
        migrations.AlterField(
            model_name='execution',
            name='performer',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.actor'),
        ),
        migrations.AlterField(
            model_name='execution',
            name='requested_by',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.actor'),
        ),
        migrations.AlterField(
            model_name='execution',
            name='tenant',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant'),
        ),
        migrations.AlterField(
            model_name='executionjob',
            name='tenant',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant'),
        ),
    ]
