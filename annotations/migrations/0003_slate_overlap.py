from django.db import migrations, models
from django.db.models import OuterRef, Subquery


def _as_the_project_asks(apps, schema_editor):
    """Until now no project's overlap could change, so every slate has its project's."""
    project = apps.get_model('accounts', 'Project').objects.filter(pk=OuterRef('project'))
    apps.get_model('annotations', 'Slate').objects.update(overlap=Subquery(project.values('overlap')))


class Migration(migrations.Migration):

    dependencies = [
        ('annotations', '0002_sensitive'),
    ]

    operations = [
        migrations.AddField(
            model_name='slate',
            name='overlap',
            field=models.PositiveSmallIntegerField(default=1),
        ),
        migrations.RunPython(_as_the_project_asks, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name='assignment',
            index=models.Index(condition=models.Q(('state', 'done')), fields=['project', 'kind', 'slate', 'surplus', 'state'], name='assignment_done'),
        ),
    ]
