from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0002_people'),
    ]

    operations = [
        migrations.AddField(
            model_name='project',
            name='asks_ratings',
            field=models.BooleanField(default=True),
        ),
        migrations.AddField(
            model_name='project',
            name='asks_flags',
            field=models.BooleanField(default=True),
        ),
        migrations.AddField(
            model_name='project',
            name='asks_cut',
            field=models.BooleanField(default=True),
        ),
        migrations.AddField(
            model_name='project',
            name='asks_note',
            field=models.BooleanField(default=True),
        ),
    ]
