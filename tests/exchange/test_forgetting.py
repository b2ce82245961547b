"""A person who is forgotten leaves no name behind, and on request no word."""

import json
import uuid
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.apps import apps
from django.core import serializers
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from accounts import seals
from accounts.models import JournalEntry, Project, Role, User
from annotations.models import Assignment, Demonstration, Ranking
from annotations.services.rankings import submit_ranking
from exchange.models import Export, ExportState, Format
from rounds.machine import State
from rounds.models import Snapshot
from tests import make
from tests.exchange.written import again, rows, written
from tests.rounds import loop
from trainer import manifest
from tutelage import invariants

NAME = "philippa.gray"
WORDS = "Philippa wrote this herself."


@pytest.fixture
def philippa(project: Project, olga: User) -> User:
    """She ranked with a note, wrote a demonstration, holds work, and her password is a word."""
    person = User.objects.create_user(NAME, email="philippa@example.org", password="a long pass phrase of hers")
    person.memberships.create(project=project, role=Role.LABELER)
    EmailAddress.objects.create(user=person, email="philippa@example.org")
    loop.install(project, "base")
    slate = make.make_slate(project, k=2)
    said: dict[str, Any] = {"tiers": make.tiers_of(slate), "note": WORDS, "making": {"device": "phone"}}
    submit_ranking(by=person, assignment_id=make.lent(person, project).public_id, key=uuid.uuid4(), **said)
    loop.demonstrate(person, project)
    Demonstration.objects.filter(labeler=person).update(messages=[{"role": "assistant", "content": WORDS}])
    make.make_slate(project)
    make.lent(person, project)
    return person


def forgotten(*words: str) -> dict[str, Any]:
    out = StringIO()
    call_command("forget_user", NAME, "--yes", "--json", *words, stdout=out)
    found: dict[str, Any] = json.loads(out.getvalue())
    return found


def everything() -> str:
    """Every row of every table, as text; but for the journal, whose pseudonyms are sealed and lead to nobody."""
    told = (model for model in apps.get_models() if model is not JournalEntry)
    return "".join(serializers.serialize("json", model.objects.all()) for model in told)


def everywhere(store: Path) -> bytes:
    return b"".join(path.read_bytes() for path in store.rglob("*") if path.is_file())


@pytest.mark.django_db(transaction=True)
def test_nothing_that_names_a_person_is_left(project: Project, philippa: User, store: Path) -> None:
    pseudonym = philippa.pseudonym
    forgotten()
    text = everything()
    for trace in ("philippa", "Philippa.gray", pseudonym, "phone"):
        assert trace.lower() not in text.lower().replace(WORDS.lower(), "")
    assert NAME.encode() not in everywhere(store)
    assert not Client().login(username=NAME, password="a long pass phrase of hers")
    assert not User.objects.get(pk=philippa.pk).is_active
    assert not JournalEntry.objects.filter(actor=philippa).exclude(verb="forget").exists()
    assert "philippa" not in serializers.serialize("json", JournalEntry.objects.all())


@pytest.mark.django_db(transaction=True)
def test_the_journals_seals_hold_after_somebody_was_forgotten(project: Project, philippa: User) -> None:
    seals.seal(now=timezone.now() + timedelta(hours=1))
    forgotten("--words")
    assert seals.verify().fault is None


@pytest.mark.django_db(transaction=True)
def test_what_they_judged_stays_and_what_they_held_is_free(project: Project, philippa: User, bob: User) -> None:
    told = forgotten()
    assert (told["rankings"], told["demonstrations"]) == (1, 1)
    [row] = rows(written(project))
    assert row["labeler"] == User.objects.get(pk=philippa.pk).pseudonym != told["pseudonym"]
    assert not Assignment.objects.filter(labeler=philippa, state="lent").exists()
    assert make.lent(bob, project).slate is not None


@pytest.mark.django_db(transaction=True)
def test_their_words_go_from_rows_data_sets_and_exports(project: Project, philippa: User, store: Path) -> None:
    round = loop.whole_turn(project)
    exports = [written(project, format) for format in (Format.RANKINGS, Format.SFT, Format.FOLDER)]
    assert WORDS.encode() in everywhere(store)
    digest = Snapshot.objects.get(rounds=round).digest
    told = forgotten("--words")
    assert WORDS not in everything()
    assert WORDS.encode() not in everywhere(store)
    assert {again(export).state for export in exports} == {ExportState.DELETED}
    assert Export.objects.count() == 3
    snapshot = Snapshot.objects.get(rounds=round)
    assert told["datasets"] == [snapshot.path]
    assert manifest.digest(store / snapshot.path) == digest
    assert invariants.offences()["I7"] == []


@pytest.mark.django_db(transaction=True)
def test_rounds_that_learned_from_them_are_named(project: Project, philippa: User) -> None:
    round = loop.whole_turn(project)
    [told] = forgotten()["learned_from"]
    assert round.candidate
    assert (told["project"], told["round"], told["policy"]) == ("turtles", 1, round.candidate.name)
    assert told["dataset"] == Snapshot.objects.get(rounds=round).digest


@pytest.mark.django_db(transaction=True)
def test_a_demonstration_that_was_forgotten_is_learned_from_no_more(project: Project, philippa: User) -> None:
    forgotten("--words")
    assert rows(written(project, Format.SFT)) == []
    assert Ranking.objects.filter(labeler=philippa, is_current=True).count() == 1


@pytest.mark.django_db(transaction=True)
def test_an_open_round_keeps_its_data_set_until_it_ends(project: Project, philippa: User, store: Path) -> None:
    loop.work_until(loop.start(project), State.REWARD)
    with pytest.raises(CommandError, match="Round 1 of turtles still reads their words"):
        call_command("forget_user", NAME, "--yes", "--words")
    assert User.objects.filter(username=NAME, is_active=True).exists()
    assert WORDS.encode() in everywhere(store)


def test_the_only_operator_is_not_forgotten(project: Project, olga: User) -> None:
    with pytest.raises(CommandError, match="turtles has no other operator"):
        call_command("forget_user", "olga", "--yes")
    assert User.objects.filter(username="olga", is_active=True).exists()


def test_the_name_is_asked_for_again(project: Project, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("builtins.input", lambda _question: "alise")
    with pytest.raises(CommandError, match="Nothing was changed"):
        call_command("forget_user", "alice")
    with pytest.raises(CommandError, match="nobody named 'zoe'"):
        call_command("forget_user", "zoe", "--yes")
    assert User.objects.filter(username="alice").exists()
