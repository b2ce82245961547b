"""Name the actor of each journal entry by their pseudonym, which outlives the person's row."""

from django.db import migrations, models
from django.db.models import Max, OuterRef, Subquery

# Small enough for the time that one statement may take.
STEP = 50_000


def name_actors(apps, schema_editor):
    entries, users = apps.get_model("accounts", "JournalEntry").objects, apps.get_model("accounts", "User").objects
    pseudonym = Subquery(users.filter(pk=OuterRef("actor_id")).values("pseudonym")[:1])
    last = entries.aggregate(last=Max("pk"))["last"] or 0
    for first in range(1, last + 1, STEP):
        named = entries.filter(pk__gte=first, pk__lt=first + STEP, actor__isnull=False)
        named.update(pseudonym=pseudonym)


class Migration(migrations.Migration):

    dependencies = [
        ("accounts", "0005_journal_seals"),
    ]

    operations = [
        migrations.AddField(
            model_name="journalentry",
            name="pseudonym",
            field=models.CharField(blank=True, default="", max_length=20),
            preserve_default=False,
        ),
        migrations.RunPython(name_actors, migrations.RunPython.noop, elidable=True),
    ]
