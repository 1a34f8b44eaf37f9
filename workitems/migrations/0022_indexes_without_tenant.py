"""Indexes of links without the tenant go: every query names it, and has one that begins with it.
What nobody reads was written at every change of a row.
"""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0004_user_language_and_zone'),
        ('workitems', '0021_finding'),
    ]

    operations = [
        migrations.AlterField(
            model_name='candidategroup',
            name='tenant',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant'),
        ),
        migrations.AlterField(
            model_name='candidategroup',
            name='work_item',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='candidate_groups', to='workitems.workitem'),
        ),
        migrations.AlterField(
            model_name='candidateuser',
            name='actor',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.actor'),
        ),
        migrations.AlterField(
            model_name='candidateuser',
            name='tenant',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant'),
        ),
        migrations.AlterField(
            model_name='candidateuser',
            name='work_item',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='candidate_users', to='workitems.workitem'),
        ),
        migrations.AlterField(
            model_name='deadline',
            name='tenant',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant'),
        ),
        migrations.AlterField(
            model_name='holdend',
            name='tenant',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant'),
        ),
        migrations.AlterField(
            model_name='itemtext',
            name='tenant',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant'),
        ),
        migrations.AlterField(
            model_name='workitem',
            name='assignee',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.actor'),
        ),
        migrations.AlterField(
            model_name='workitem',
            name='compensates',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='compensated_by', to='workitems.workitem'),
        ),
        migrations.AlterField(
            model_name='workitem',
            name='completed_by',
            field=models.ForeignKey(db_constraint=False, db_index=False, null=True, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.actor'),
        ),
        migrations.AlterField(
            model_name='workitem',
            name='created_by',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.actor'),
        ),
        migrations.AlterField(
            model_name='workitem',
            name='tenant',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name='+', to='accounts.tenant'),
        ),
    ]
