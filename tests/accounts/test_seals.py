"""What is sealed cannot be changed unseen: each batch takes in the digest of the one before it."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from importlib import import_module
from io import StringIO
from typing import Any

import pytest
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from accounts import journal, seals
from accounts.models import JournalEntry, JournalSeal, Project, User
from tests.race import race

Change = Callable[[list[int]], object]
LONG_AGO = timedelta(hours=1)


def act(project: Project, by: User | None, verb: str = "approve", *, age: timedelta = LONG_AGO) -> int:
    """One entry of this age; its number."""
    with transaction.atomic():
        journal.record(project=project, actor=by, verb=verb, subject=project, old="review", gates=3, share=0.5)
    last = JournalEntry.objects.latest("pk")
    JournalEntry.objects.filter(pk=last.pk).update(at=timezone.now() - age)
    return last.pk


def seal() -> JournalSeal | None:
    return seals.seal(now=timezone.now())


@pytest.fixture
def sealed(project: Project, olga: User, rita: User) -> list[int]:
    """Nine entries in three batches."""
    numbers = []
    for _ in range(3):
        numbers += [act(project, olga), act(project, rita, "reject"), act(project, None, "move")]
        assert seal() is not None
    return numbers


def fault() -> tuple[int, str] | None:
    found = seals.verify().fault
    return (found.batch, found.what) if found else None


def test_an_untouched_chain_verifies_to_its_last_digest(sealed: list[int]) -> None:
    found = seals.verify()
    assert (found.batches, found.entries, found.fault, found.unsealed) == (3, 9, None, 0)
    assert found.digest == JournalSeal.objects.latest("last").digest


def test_each_batch_names_the_one_before_it(sealed: list[int]) -> None:
    one, two, three = JournalSeal.objects.order_by("last")
    assert (one.previous, two.previous, three.previous) == (seals.GENESIS, one.digest, two.digest)
    assert [(each.first, each.last, each.count) for each in (one, three)] == [
        (sealed[0], sealed[2], 3),
        (sealed[6], sealed[8], 3),
    ]


CHANGES: dict[str, dict[str, Any]] = {
    "verb": {"verb": "cancel"},
    "subject": {"subject": "stage"},
    "subject_id": {"subject_id": "7777"},
    "old": {"old": "ppo"},
    "new": {"new": "done"},
    "facts": {"facts": {"gates": 4, "share": 0.5}},
    "at": {"at": F("at") + timedelta(microseconds=1)},
    "project": {"project": None},
    "pseudonym": {"pseudonym": "p-000000000000"},
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_an_entry_that_was_changed_is_found_in_its_batch(sealed: list[int], change: dict[str, Any]) -> None:
    JournalEntry.objects.filter(pk=sealed[4]).update(**change)
    assert fault() == (2, seals.CHANGED)


def test_an_act_that_was_put_on_somebody_else_is_named(sealed: list[int], mallory: User) -> None:
    JournalEntry.objects.filter(pk=sealed[4]).update(actor=mallory)
    found = seals.verify().fault
    assert found is not None
    assert (found.batch, found.what, found.entry) == (2, seals.CHANGED, sealed[4])


def test_an_act_of_the_machine_that_was_put_on_a_person_is_named(sealed: list[int], mallory: User) -> None:
    JournalEntry.objects.filter(pk=sealed[5]).update(actor=mallory)
    found = seals.verify().fault
    assert found is not None
    assert found.entry == sealed[5]


@pytest.mark.parametrize("which", [0, 4, 8], ids=["first", "middle", "last"])
def test_an_entry_that_was_removed_is_missed(sealed: list[int], which: int) -> None:
    JournalEntry.objects.filter(pk=sealed[which]).delete()
    assert fault() == (which // 3 + 1, seals.REMOVED)


@pytest.mark.parametrize("number", [-1, 0], ids=["before all", "at zero"])
def test_an_entry_that_was_put_before_the_first_is_found(sealed: list[int], project: Project, number: int) -> None:
    JournalEntry.objects.create(pk=number, project=project, verb="approve", subject="round", subject_id="1")
    assert fault() == (1, seals.ADDED)


def test_an_entry_that_was_put_into_a_gap_is_found(sealed: list[int], project: Project, olga: User) -> None:
    """A transaction that was rolled back leaves a number free."""
    gap = act(project, olga)
    JournalEntry.objects.filter(pk=gap).delete()
    act(project, olga)
    assert seal() is not None
    assert fault() is None
    JournalEntry.objects.create(pk=gap, project=project, verb="approve", subject="round", subject_id="1")
    assert fault() == (4, seals.ADDED)


def test_two_entries_that_changed_places_are_found(sealed: list[int]) -> None:
    one, two = JournalEntry.objects.get(pk=sealed[3]), JournalEntry.objects.get(pk=sealed[4])
    one.pk, two.pk = two.pk, one.pk
    one.save()
    two.save()
    assert fault() == (2, seals.CHANGED)


def _cut_out(number: int) -> None:
    JournalSeal.objects.order_by("last")[number : number + 1].get().delete()


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda: _cut_out(0), (1, seals.UNCHAINED)),
        (lambda: _cut_out(1), (2, seals.UNCHAINED)),
        (lambda: JournalSeal.objects.filter(count=3).update(count=2), (1, seals.ADDED)),
        (lambda: JournalSeal.objects.update(at=F("at") - timedelta(days=1)), (1, seals.CHANGED)),
        (lambda: JournalSeal.objects.update(first=F("first") + 1), (1, seals.CHANGED)),
    ],
    ids=["first seal gone", "middle seal gone", "count", "time", "first"],
)
def test_a_seal_that_was_changed_or_removed_is_found(
    sealed: list[int], change: Callable[[], object], found: tuple[int, str]
) -> None:
    change()
    assert fault() == found


def test_an_entry_sealed_anew_over_a_change_breaks_the_next_link(sealed: list[int]) -> None:
    """Who can write to the database can seal again; then the batch after it no longer follows."""
    JournalEntry.objects.filter(pk=sealed[1]).update(verb="approve")
    first = JournalSeal.objects.earliest("last")
    rows = JournalEntry.objects.filter(pk__lte=first.last).order_by("pk").values(*seals.COVERED)
    JournalSeal.objects.filter(pk=first.pk).update(digest=seals.digest_of(first, rows))
    assert fault() == (2, seals.UNCHAINED)


def test_a_person_who_is_erased_leaves_the_chain_whole(sealed: list[int], olga: User) -> None:
    pseudonym = olga.pseudonym
    olga.delete()
    assert fault() is None
    kept = JournalEntry.objects.get(pk=sealed[0])
    assert (kept.actor, kept.pseudonym) == (None, pseudonym)


def test_what_is_younger_than_any_transaction_may_be_waits(project: Project, olga: User) -> None:
    old = act(project, olga)
    act(project, olga, age=timedelta(minutes=9))
    made = seal()
    assert made is not None
    assert (made.first, made.last) == (old, old)
    assert seal() is None
    assert seals.verify().unsealed == 1


def test_an_entry_that_is_committed_late_is_sealed_in_its_turn(project: Project, olga: User) -> None:
    """Its number is lower than one that is there already: nothing after the youngest open transaction is sealed."""
    late = act(project, olga, age=timedelta(minutes=2))
    JournalEntry.objects.filter(pk=late).delete()
    act(project, olga, age=timedelta(minutes=1))
    assert seal() is None
    JournalEntry.objects.create(pk=late, project=project, verb="approve", subject="round", subject_id="1")
    assert seals.seal(now=timezone.now() + LONG_AGO) is not None
    assert fault() is None
    assert JournalSeal.objects.get().first == late


def test_a_young_entry_with_a_low_number_holds_back_the_old_ones_after_it(project: Project, olga: User) -> None:
    act(project, olga, age=timedelta(minutes=1))
    act(project, olga, age=LONG_AGO)
    assert seal() is None


@pytest.mark.django_db(transaction=True)
def test_of_sealers_at_once_one_seals(project: Project, olga: User) -> None:
    for _ in range(5):
        act(project, olga)
    now = timezone.now()
    made = race([lambda: seals.seal(now=now)] * 4)
    assert sum(each is not None for each in made) == 1
    assert JournalSeal.objects.count() == 1
    assert fault() is None


def test_a_large_journal_is_sealed_batch_by_batch(
    project: Project, olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seals, "LARGEST", 2)
    for _ in range(5):
        act(project, olga)
    assert [made.count for made in iter(seal, None) if made] == [2, 2, 1]
    assert fault() is None


def due(at: datetime) -> bool:
    return seals.seal_if_due(now=at) is not None


def test_asked_at_every_tick_it_makes_a_batch_once_the_first_has_waited_for_twice_the_grace(
    project: Project, olga: User
) -> None:
    act(project, olga, age=timedelta(0))
    now = timezone.now()
    assert not due(now + 1.5 * seals.GRACE)
    assert due(now + 2.5 * seals.GRACE)
    assert not due(now + 9 * seals.GRACE)


def test_numbers_are_read_alike_by_either_database(project: Project, olga: User) -> None:
    """jsonb writes 1e22 and 3.0 without a point or an exponent that json puts there."""
    number = act(project, olga)
    JournalEntry.objects.filter(pk=number).update(facts={"large": 1e22, "whole": 3.0, "part": 1e-7, "words": "ä 中"})
    assert seal() is not None
    JournalEntry.objects.filter(pk=number).update(facts={"large": 10**22, "whole": 3, "part": 1e-7, "words": "ä 中"})
    assert fault() is None


def test_entries_of_before_are_given_their_actors_pseudonym(project: Project, olga: User) -> None:
    """What the migration does to a journal that is there already."""
    number, machine = act(project, olga), act(project, None)
    JournalEntry.objects.update(pseudonym="")
    import_module("accounts.migrations.0006_seal").name_actors(apps, None)
    names = dict(JournalEntry.objects.values_list("pk", "pseudonym"))
    assert (names[number], names[machine]) == (olga.pseudonym, "")
    assert seal() is not None
    assert fault() is None


def told(*words: str) -> str:
    out = StringIO()
    call_command("journal", *words, stdout=out)
    return out.getvalue()


def test_the_console_seals_and_verifies(project: Project, olga: User) -> None:
    act(project, olga)
    assert json.loads(told("seal", "--json"))["entries"] == 1
    assert "Nothing to seal" in told("seal")
    found = json.loads(told("verify", "--json"))
    assert (found["entries"], found["fault"], found["unsealed"]) == (1, None, 0)


def test_the_console_names_the_first_batch_that_does_not_match(sealed: list[int]) -> None:
    JournalEntry.objects.filter(pk__in=[sealed[4], sealed[8]]).delete()
    out = StringIO()
    with pytest.raises(CommandError, match=rf"Batch 2 \(entries {sealed[3]} to {sealed[5]}, .*an entry was removed"):
        call_command("journal", "verify", "--json", stdout=out)
    assert json.loads(out.getvalue())["fault"]["what"] == "removed"


def test_a_digest_that_was_noted_tells_of_an_end_that_was_cut_off(sealed: list[int]) -> None:
    noted = JournalSeal.objects.latest("last").digest
    told("verify", "--holds", noted)
    JournalEntry.objects.filter(pk__in=sealed[6:]).delete()
    JournalSeal.objects.latest("last").delete()
    assert fault() is None
    with pytest.raises(CommandError, match="cut off or written anew"):
        told("verify", "--holds", noted)
