"""Indexes of links without the tenant go: every query names it, and has one that begins with it.
What nobody reads was written at every change of a row.
"""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_user_language_and_zone'),
        ('notifications', '0010_deadline_missed'),
    ]

    operations = [
        migrations.AlterField(
            model_name='delivery',
            name='recipient',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.actor'),
        ),
        migrations.AlterField(
            model_name='delivery',
            name='tenant',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant'),
        ),
    ]
