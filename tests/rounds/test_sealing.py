"""The worker seals the journal, verifies it once a day and when asked; the page tells what was found."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts import seals
from accounts.models import JournalEntry, JournalSeal, Project, User
from accounts.permissions import NotAllowed
from rounds import tasks
from rounds.queries.sealing import sealing
from rounds.services import sealing as service
from tests import make
from tests.race import race

PAGE = "/p/turtles/journal/"
LATER = timedelta(hours=1)


def seal_all() -> None:
    assert seals.seal(now=timezone.now() + LATER) is not None


def verify() -> None:
    service.claim_verification(now=timezone.now())
    service.verify(now=timezone.now())


def page(person: User) -> str:
    return make.client_of(person).get(PAGE).content.decode()


def test_before_anything_is_sealed_the_page_says_so(ranked: Project, olga: User) -> None:
    shown = page(olga)
    assert "not sealed yet" in shown
    assert "The worker seals what is older than ten minutes." in shown


def test_the_page_shows_the_last_digest_and_what_waits(ranked: Project, olga: User) -> None:
    seal_all()
    make.client_of(olga).post("/p/turtles/people/invite/", {"role": "labeler"})
    shown = page(olga)
    assert JournalSeal.objects.get().digest in shown
    assert (sealing().waiting, "1 entry<" in shown) == (1, True)
    assert "Sealed from here on" in shown


def test_what_was_verified_is_told_with_its_time(ranked: Project, olga: User) -> None:
    seal_all()
    assert "nothing was changed" not in page(olga)
    verify()
    assert "nothing was changed" in page(olga)


def test_a_change_is_told_at_the_head_of_the_page(ranked: Project, olga: User) -> None:
    seal_all()
    first = JournalEntry.objects.earliest("pk")
    JournalEntry.objects.filter(pk=first.pk).update(verb="approve")
    verify()
    shown = page(olga)
    assert "The journal does not match its seals" in shown
    assert f"Batch 1 (entries {first.pk} to" in shown
    assert "an entry was changed" in shown
    assert "nothing was changed" not in shown


def test_it_is_verified_once_a_day(project: Project) -> None:
    now = timezone.now()
    asked = [service.claim_verification(now=now + timedelta(hours=hours)) for hours in (0, 1, 23, 25, 26)]
    assert asked == [True, False, False, True, False]


def test_a_long_chain_is_verified_in_parts(ranked: Project, olga: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seals, "LARGEST", 1)
    monkeypatch.setattr(service, "PART", 1)
    while seals.seal(now=timezone.now() + LATER):
        pass
    parts = JournalSeal.objects.count()
    assert parts > 2
    for _ in range(parts - 1):
        verify()
        assert (sealing().verified_at, sealing().asked) == (None, True)
    verify()
    assert (sealing().verified_at is None, sealing().asked) == (False, False)


def test_what_is_wrong_in_a_later_part_is_named_by_its_place_in_the_chain(
    ranked: Project, olga: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(seals, "LARGEST", 1)
    monkeypatch.setattr(service, "PART", 2)
    while seals.seal(now=timezone.now() + LATER):
        pass
    third = JournalEntry.objects.order_by("pk").values_list("pk", flat=True)[2]
    JournalEntry.objects.filter(pk=third).delete()
    verify()
    verify()
    fault = sealing().fault
    assert fault is not None
    assert (fault["batch"], fault["first"], fault["what"]) == (3, third, "removed")


@pytest.mark.django_db(transaction=True)
def test_of_workers_at_once_one_verifies(project: Project) -> None:
    now = timezone.now()
    assert sum(race([lambda: service.claim_verification(now=now)] * 4)) == 1
    assert sum(race([lambda: service.claim_verification(now=now + timedelta(days=2))] * 4)) == 1


def test_an_operator_has_it_verified_now(ranked: Project, olga: User) -> None:
    verify()
    assert not sealing().asked
    answer = make.client_of(olga).post(f"{PAGE}verify/")
    assert (answer.status_code, answer.headers["Location"]) == (302, PAGE)
    assert sealing().asked
    assert service.claim_verification(now=timezone.now())


def test_nobody_else_does(ranked: Project, rita: User) -> None:
    with pytest.raises(NotAllowed):
        service.ask_for_verification(by=rita, project=ranked)


@pytest.mark.django_db(transaction=True)
def test_the_tick_seals_and_verifies(ranked: Project, worker: None) -> None:
    Project.objects.update(stock_target=0)
    JournalEntry.objects.update(at=timezone.now() - LATER)
    tasks.tick()
    assert JournalSeal.objects.count() == 1
    tasks.tick()
    assert JournalSeal.objects.count() == 1
    found = sealing()
    assert (found.batches, found.fault, found.verified_at is None) == (1, None, False)
