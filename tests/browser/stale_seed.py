"""Fill the database of the stale tabs' tests: questions enough for Alice, and Bob, who signs in with a code."""

import django

django.setup()

from allauth.mfa.models import Authenticator  # noqa: E402

from accounts.models import Project, Role  # noqa: E402
from annotations.services.slates import take_in_completions  # noqa: E402
from tests import make  # noqa: E402
from tests.browser.seed import ANSWERS, PASSWORD, QUESTION  # noqa: E402

SECRET = "JBSWY3DPEHPK3PXP"
RECOVERY_CODE = "73519402"
QUESTIONS = 24


def seed() -> None:
    project = make.make_project()
    Project.objects.update(name="Everyday questions", stock_target=0)
    for name, role in [("alice", Role.LABELER), ("bob", Role.LABELER), ("olga", Role.OPERATOR)]:
        person = make.make_person(name, project, role)
        person.set_password(PASSWORD)
        person.save()
        if name == "bob":
            Authenticator.objects.create(user=person, type="totp", data={"secret": SECRET})
            Authenticator.objects.create(user=person, type="recovery_codes", data={"migrated_codes": [RECOVERY_CODE]})
    prompts = [make.make_prompt(project, f"{QUESTION} ({n})", demonstrations=1) for n in range(QUESTIONS)]
    order = make.make_order(project, prompts=prompts, k=3)
    take_in_completions(order=order, rows=make.shard_rows(order, ANSWERS[:3]))


if __name__ == "__main__":
    seed()
