"""Fill a site of its own with every state that a page can show; write what the list of pages names to a file."""

import io
import json
import sys
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path

import django

django.setup()

from allauth.account.internal.flows.login import (  # noqa: E402
    AUTHENTICATION_METHODS_SESSION_KEY,
    record_authentication,
)
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes  # noqa: E402
from allauth.mfa.totp.internal.auth import TOTP  # noqa: E402
from django.conf import settings  # noqa: E402
from django.http import HttpRequest  # noqa: E402
from django.test import Client  # noqa: E402
from django.utils import timezone  # noqa: E402

from accounts import api_tokens, consents, invitations, members, password_links, people  # noqa: E402
from accounts.models import ApiToken, Guideline, Membership, Project, Role, User  # noqa: E402
from annotations.choices import Purpose  # noqa: E402
from annotations.models import Assignment, Exercise, Prompt  # noqa: E402
from annotations.new_exercise import NewExercise  # noqa: E402
from annotations.services.demonstrations import submit_demonstration  # noqa: E402
from annotations.services.exercises import add_exercises  # noqa: E402
from annotations.services.prompts import PromptRow, add_prompts, read_prompt_file  # noqa: E402
from annotations.services.qualifications import begin_qualification, practise  # noqa: E402
from annotations.services.rankings import submit_ranking  # noqa: E402
from annotations.services.remarks import leave_remark  # noqa: E402
from annotations.services.slates import take_in_completions  # noqa: E402
from annotations.services.work import skip  # noqa: E402
from exchange.models import Format  # noqa: E402
from exchange.services import exports, importing, imports, writing  # noqa: E402
from tests import make  # noqa: E402
from tests.browser.seed import ANSWERS, QUESTION  # noqa: E402
from tests.screenshots import seed_rounds  # noqa: E402

PASSWORD = "a turtle swims far"
PROMPTS = Path(settings.ROOT) / "platform/tutelage/demo/prompts.jsonl"
GUIDELINES = """1. **Say the thing asked for first.** Background comes after it.
2. Prefer *what is true* to what sounds well.
3. Length is no merit, and brevity is none either.

## What is not acceptable
- an answer to another question
- a made-up source
"""
TERMS = """We keep what you rank and write, under a pseudonym, and how long it took you.

Data sets made of it may be published. Your name never is. You can stop at any time."""
# Person → role in the main project. Nora is new, and Tess signs in with a code.
CAST = {
    "alice": Role.LABELER,
    "bob": Role.LABELER,
    "dora": Role.LABELER,
    "nora": Role.LABELER,
    "rita": Role.REVIEWER,
    "olga": Role.OPERATOR,
    "erik": Role.EXPORTER,
    "tess": Role.EXPORTER,
}
EVERYWHERE = {"alice": Role.LABELER, "rita": Role.REVIEWER, "olga": Role.OPERATOR}


def seed() -> dict[str, str]:
    turtles = _project("turtles", "Everyday questions", content_warning="Some questions speak of violence.")
    for name, role in CAST.items():
        _with_password(make.make_person(name, turtles, role))
    _with_password(make.make_person("mallory"))
    places = _desk(turtles) | _front_door(turtles)
    others = {"pairs": _project("pairs", "Two at a time", k=2), "six": _project("six", "Six at a time", k=6)}
    others |= {"shells": _project("shells", "Shells and stones"), "waves": _project("waves", "Waves and wind")}
    others |= {"quiet": _project("quiet", "Nothing waits here"), "tides": _project("tides", "Tides and currents")}
    others |= {"terms": _project("terms", "With terms"), "school": _project("school", "Learning to rank")}
    for project in others.values():
        _join(project, EVERYWHERE)
    consents.publish_consent(by=_user("olga"), project=others["terms"], text=TERMS, after=0)
    learnt = [others[slug] for slug in ("pairs", "six", "shells", "waves")]
    for project in learnt:
        _slates(project, [project.k] * 8)
    seed_rounds.seed(turtles, *learnt)
    _slates(others["tides"], [4] * 50)
    seed_rounds.try_policies(others["tides"])
    for project in learnt:
        _slates(project, [project.k] * 2, first=20)
    _exports(turtles)
    _tokens()
    places |= _imports(turtles)
    places |= _school(others["school"])
    places |= seed_rounds.policies_of(turtles, others["pairs"])
    return places | _cookies() | {"half_in": _half_in("tess")}


def _imports(project: Project) -> dict[str, str]:
    """One that waits for a yes, with two bad lines; one that is done; one whose columns nobody knows."""
    pairs = [{"prompt": QUESTION, "chosen": ANSWERS[0], "rejected": ANSWERS[1]}, {"prompt": "Why?"}, {"prompt": ""}]
    files = {
        "import_read": ("friends", [*pairs, {"prompt": "How old?", "chosen": "Eighty years.", "rejected": "Old."}]),
        "import_done": ("questions", [{"text": "Which turtle is the largest?"}]),
        "import_stopped": ("survey", [{"Frage": QUESTION, "Antwort": ANSWERS[0]}]),
    }
    return {place: _brought(project, *given) for place, given in files.items()}


def _brought(project: Project, name: str, rows: list[dict[str, str]]) -> str:
    content = io.BytesIO("".join(json.dumps(row) + "\n" for row in rows).encode())
    row = imports.bring(by=_user("olga"), project=project, name=name, file=f"{name}.jsonl", content=content)
    importing.work(import_id=row.pk, owner="worker")
    if name == "questions":
        imports.write(by=_user("olga"), project=project, import_id=row.public_id, without_bad=False)
        importing.work(import_id=row.pk, owner="worker")
    return str(row.public_id)


def _project(slug: str, name: str, **values: object) -> Project:
    project = make.make_project(slug, stock_target=0, **values)
    Project.objects.filter(pk=project.pk).update(name=name)
    Guideline.objects.create(project=project, version=2, text=GUIDELINES)
    project.refresh_from_db()
    return project


def _desk(project: Project) -> dict[str, str]:
    """Alice has ranked and written, holds one of each, has something upsetting and something broken."""
    alice, bob = _user("alice"), _user("bob")
    _slates(project, [4] * 9)
    ranked = [_rank(alice, project) for _ in range(4)]
    _rank(bob, project)
    leave_remark(
        by=_user("rita"),
        project=project,
        assignment_id=ranked[0].public_id,
        text="The third answer names a source. Look at it once more.",
        key=uuid.uuid4(),
    )
    skip(by=bob, assignment_id=make.lent(bob, project).public_id, reason="unclear")
    held = make.lent(alice, project)
    talk = ["Which turtles live in the sea?", "Seven kinds do.", QUESTION]
    roles = ("user", "assistant", "user")
    messages = [{"role": role, "content": text} for role, text in zip(roles, talk, strict=True)]
    add_prompts(by=None, project=project, rows=[PromptRow(messages=messages, priority=9)])
    add_prompts(by=None, project=project, rows=read_prompt_file(PROMPTS))
    written = make.lent(alice, project, "demonstrate")
    said = [{"role": "assistant", "content": ANSWERS[1]}]
    submit_demonstration(by=alice, assignment_id=written.public_id, messages=said, key=uuid.uuid4())
    writing_now = make.lent(alice, project, "demonstrate")
    upsetting, broken = _held_slate(alice, project, "Tell me of a war."), _held_slate(alice, project, "Break.")
    Prompt.objects.filter(pk=upsetting.prompt_id).update(sensitive=True)
    Assignment.objects.filter(pk=broken.pk).update(shown=[9], state="lapsed", slot=None)
    names = {"ranked": ranked[0], "held": held, "written": written, "writing": writing_now}
    names |= {"upsetting": upsetting, "broken": broken, "dora": make.lent(_user("dora"), project)}
    return {name: str(assignment.public_id) for name, assignment in names.items()}


def _school(project: Project) -> dict[str, str]:
    """Practice and a set to qualify on; Alice is in the middle of it."""
    olga, alice = _user("olga"), _user("alice")
    messages = [{"role": "user", "content": QUESTION}]
    said = {"messages": messages, "texts": ANSWERS[:3], "tiers": [[1], [0, 2]], "clause": "What is not acceptable"}
    why = "The second says where they lay; the others speak of something else."
    rows = [NewExercise(purpose=purpose, explanation=why, **said) for purpose in Purpose for _ in range(2)]  # type: ignore[arg-type]
    add_exercises(by=olga, project=project, rows=rows)
    practice = Exercise.objects.filter(project=project, purpose=Purpose.PRACTICE).order_by("position")
    for exercise in practice:
        practise(by=alice, project=project, exercise_id=exercise.public_id, tiers=[[1], [0, 2]], attempt=1)
    begin_qualification(by=alice, project=project)
    asked = Exercise.objects.filter(project=project, purpose=Purpose.QUALIFICATION).order_by("position").first()
    first = practice.first()
    assert asked
    assert first
    return {"practice": str(first.public_id), "qualification": str(asked.public_id)}


def _slates(project: Project, sizes: Iterable[int], *, first: int = 0) -> None:
    """Slates of real texts; the numbers from `first` on make each question another one."""
    policy = make.make_policy(project)
    for number, k in enumerate(sizes, start=first):
        prompt = make.make_prompt(project, QUESTION + " " * number)
        order = make.make_order(project, policy, [prompt], k=k)
        take_in_completions(order=order, rows=make.shard_rows(order, ANSWERS[:k]))


def _rank(person: User, project: Project) -> Assignment:
    assignment = make.lent(person, project)
    assert assignment.slate is not None
    first, second, *rest = make.tiers_of(assignment.slate)
    tiers = [first + second, *rest]
    ratings = {ids[0]: 6 - place for place, ids in enumerate(tiers)}
    flags = {tiers[-1][0]: ["false"]}
    given = {"tiers": tiers, "cut": 1, "note": "The second names the places.", "ratings": ratings, "flags": flags}
    submit_ranking(by=person, assignment_id=assignment.public_id, key=uuid.uuid4(), **given)
    return assignment


def _held_slate(person: User, project: Project, question: str) -> Assignment:
    """A slate of its own in this person's hands, beside what they hold."""
    prompt = make.make_prompt(project, question)
    order = make.make_order(project, make.make_policy(project), [prompt])
    take_in_completions(order=order, rows=make.shard_rows(order, ANSWERS[:4]))
    now = timezone.now()
    until = now + timezone.timedelta(minutes=45)
    row = Assignment.objects.filter(prompt=prompt, kind="rank")
    row.update(state="lent", labeler=person, lent_at=now, lease_until=until)
    return row.get()


def _front_door(project: Project) -> dict[str, str]:
    olga = _user("olga")
    consents.publish_consent(by=olga, project=project, text=TERMS, after=0)
    for name in ("alice", "bob"):
        consents.accept_consent(by=_user(name), project=project, version=1)
    gone = Membership.objects.get(user__username="dora", project=project)
    people.deactivate(by=olga, project=project, membership_id=gone.pk)
    TOTP.activate(_user("tess"), "JBSWY3DPEHPK3PXP")
    RecoveryCodes.activate(_user("tess"))
    bob = Membership.objects.get(user__username="bob", project=project)
    return {
        "invitation": invitations.invite(by=olga, project=project, role=Role.LABELER),
        "password_link": password_links.make_link(by=olga, project=project, membership_id=bob.pk),
    }


def _exports(project: Project) -> None:
    """One that is ready, one that stopped, one on its way."""
    ready, stopped, waiting = list(Format.values)[:3]
    for format in (ready, stopped):
        exports.order(by=None, project=project, format=format)
    first, second = project.exports.order_by("pk")
    writing.write(export_id=first.pk, owner="worker")
    exports.claim(export_id=second.pk, owner="worker", seconds=60)
    exports.stop(export_id=second.pk, owner="worker", kind="no_space", message="No space is left.")
    exports.order(by=None, project=project, format=waiting)


def _tokens() -> None:
    """Olga's: one that is in use, one that has ended."""
    olga, now = _user("olga"), timezone.now()
    old, _secret = api_tokens.issue(by=olga, name="Trial", scopes=["read"], days=7)
    made = now - timezone.timedelta(days=40)
    ApiToken.objects.filter(pk=old.pk).update(created_at=made, expires_at=made + timezone.timedelta(days=7))
    used, _secret = api_tokens.issue(by=olga, name="Nightly export", scopes=["read", "data"], days=90)
    ApiToken.objects.filter(pk=used.pk).update(last_used_at=now)


def _join(project: Project, roles: dict[str, Role]) -> None:
    for name, role in roles.items():
        members.add_person(by=None, project=project, username=name, role=role)


def _with_password(person: User) -> None:
    person.set_password(PASSWORD)
    person.save()


def _user(name: str) -> User:
    return User.objects.get(username=name)


def _cookies() -> dict[str, str]:
    """Each person's session, as if they had given their password a moment ago, for as long as pictures are taken."""
    return {f"cookie-{person.username}": _cookie(person) for person in User.objects.all()}


def _cookie(person: User) -> str:
    client = make.client_of(person)
    request = HttpRequest()
    request.session = client.session
    record_authentication(request, person, "password", reauthenticated=True)
    request.session[AUTHENTICATION_METHODS_SESSION_KEY][-1]["at"] += 86400
    request.session.save()
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def _half_in(name: str) -> str:
    """The session of somebody whose password was right and who is asked for a code."""
    client = Client(SERVER_NAME="127.0.0.1")
    client.post("/account/login/", {"login": name, "password": PASSWORD})
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def main(words: Sequence[str]) -> None:
    Path(words[0]).write_text(json.dumps(seed()), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
