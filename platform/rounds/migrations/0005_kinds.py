from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("rounds", "0004_operators_desk"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="stage",
            name="stage_kind_known",
        ),
        migrations.AddConstraint(
            model_name="stage",
            constraint=models.CheckConstraint(
                condition=models.Q(("kind__in", ["sft", "reward", "ppo", "rloo", "dpo", "evaluate", "sample"])),
                name="stage_kind_known",
            ),
        ),
    ]
