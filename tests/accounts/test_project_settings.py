"""Settings of a project that stands: what may change, for whom, and never over somebody else's change."""

import pytest

from accounts.models import Guideline, JournalEntry, Project, User
from accounts.permissions import NotAllowed
from accounts.projects import EDITABLE, ChangedMeanwhile, GuidelineRefused, edit_project, fingerprint, write_guideline
from tests.rounds.loop import at_once

TEXT = "Prefer the shorter one."


def seen(project: Project) -> str:
    return fingerprint(Project.objects.get(pk=project.pk), EDITABLE)


def test_a_change_is_kept_and_the_journal_names_what_changed_but_no_words(project: Project, olga: User) -> None:
    edit_project(by=olga, project=project, seen=seen(project), changes={"k": 6, "content_warning": "Blood."})
    project.refresh_from_db()
    assert (project.k, project.content_warning) == (6, "Blood.")
    entry = JournalEntry.objects.get(verb="edit_project")
    assert entry.facts == {"changed": ["content_warning", "k"], "k": 6}


def test_a_change_over_anothers_is_refused_whole(project: Project, olga: User) -> None:
    before = seen(project)
    edit_project(by=olga, project=project, seen=before, changes={"overlap": 3})
    with pytest.raises(ChangedMeanwhile):
        edit_project(by=olga, project=project, seen=before, changes={"k": 9, "overlap": 1})
    project.refresh_from_db()
    assert (project.k, project.overlap) == (4, 3)


@pytest.mark.django_db(transaction=True)
def test_of_two_operators_who_save_at_once_one_is_told(project: Project, olga: User) -> None:
    before, overlaps = seen(project), iter([2, 3])

    def save() -> None:
        edit_project(by=olga, project=project, seen=before, changes={"overlap": next(overlaps)})

    ends = at_once(save, times=2)
    assert sorted(type(end).__name__ for end in ends) == ["ChangedMeanwhile", "NoneType"]


def test_only_its_operators_change_a_project(
    project: Project, alice: User, rita: User, erik: User, mallory: User
) -> None:
    for person in (alice, rita, erik, mallory):
        with pytest.raises(NotAllowed):
            edit_project(by=person, project=project, seen=seen(project), changes={"k": 2})
        with pytest.raises(NotAllowed):
            write_guideline(by=person, project=project, text=TEXT, after=1)
    assert project.guidelines.count() == 1


def test_a_new_text_is_a_new_version_and_the_old_one_stays(project: Project, olga: User) -> None:
    old = project.guidelines.get()
    written = write_guideline(by=olga, project=project, text=f"{TEXT}\r\nThen the kinder.", after=1)
    assert (written.version, written.text) == (2, f"{TEXT}\nThen the kinder.")
    assert Guideline.objects.get(pk=old.pk).text == old.text


def test_a_version_written_over_an_older_one_is_refused(project: Project, olga: User) -> None:
    write_guideline(by=olga, project=project, text=TEXT, after=1)
    for after in (0, 1, 7):
        with pytest.raises(ChangedMeanwhile):
            write_guideline(by=olga, project=project, text="Another.", after=after)


@pytest.mark.parametrize("text", ["", "  \n", "Prefer what is true and to the point.", "x" * 64_001])
def test_no_text_the_same_text_and_a_text_too_long_are_no_version(project: Project, olga: User, text: str) -> None:
    with pytest.raises(GuidelineRefused):
        write_guideline(by=olga, project=project, text=text, after=1)
    assert project.guidelines.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_many_texts_at_once_one_is_the_next_version(project: Project, olga: User) -> None:
    texts = iter([f"Text {number}." for number in range(4)])
    at_once(lambda: write_guideline(by=olga, project=project, text=next(texts), after=1), times=4)
    assert list(project.guidelines.order_by("version").values_list("version", flat=True)) == [1, 2]
