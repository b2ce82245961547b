"""An export is one moment of the project, whole, in a directory that says what it is."""

import json
import uuid
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone

from accounts.models import JournalEntry, Project, Role, User
from annotations.choices import Split
from annotations.correction import Correction
from annotations.models import Assignment, Prompt, Slate
from annotations.services.rankings import submit_ranking
from annotations.services.slates import quarantine
from exchange.models import ExportState, Format
from exchange.services import exports, writing
from exchange.services.exports import ExportRefused
from tests import make
from tests.exchange.written import again, rows, written
from tests.rounds.loop import demonstrate
from trainer import manifest


def test_a_ranking_leaves_with_everything_that_was_kept(project: Project, alice: User) -> None:
    policy = make.make_policy(project, "base")
    slate = make.make_slate(project, ["yes", "no", "perhaps"], policy=policy)
    Prompt.objects.filter(pk=slate.prompt_id).update(tags=["sensitive"])
    assignment = make.lent(alice, project)
    ids = make.tiers_of(slate)
    [yes], [no], [perhaps] = ids
    said = {"tiers": [[perhaps], [yes, no]], "cut": 1, "note": "Hm.", "ratings": {yes: 3}, "flags": {no: ["false"]}}
    said |= {"notes": {no: "Why?"}, "slate_flags": ["alike"], "unsure": True, "hurried": True}
    for _revision in range(2):
        submit_ranking(by=alice, assignment_id=assignment.public_id, key=uuid.uuid4(), making={"input": "keys"}, **said)
    [row] = rows(written(project))
    assert row["labeler"] == alice.pseudonym
    assert (row["revision"], row["cut"], row["note"], row["strength"]) == (2, 1, "Hm.", None)
    assert (row["flags"], row["unsure"], row["hurried"]) == (["alike"], True, True)
    assert [one["note"] for one in row["completions"]] == ["", "Why?", ""]
    assert (row["guideline"], row["surplus"], json.loads(row["making"])) == (1, False, {"input": "keys"})
    assert row["slate"] == {"id": str(slate.public_id), "linked_to": None, "repeat_of": None}
    assert row["prompt"]["tags"] == ["sensitive"]
    assert row["prompt"]["messages"] == slate.prompt.messages
    one = {completion["text"]: completion for completion in row["completions"]}
    assert {text: completion["tier"] for text, completion in one.items()} == {"yes": 2, "no": 2, "perhaps": 1}
    assert (one["yes"]["rating"], one["no"]["flags"], one["yes"]["policy_name"]) == (3, ["false"], "base")
    assert [one[text]["shown"] for text in ("yes", "no", "perhaps")] == [
        assignment.shown.index(position) for position in range(3)
    ]


def test_no_name_of_a_person_leaves(project: Project, alice: User) -> None:
    make.make_ranking(alice, make.make_slate(project))
    demonstrate(alice, project)
    for format in Format.values:
        folder = settings.STORE / written(project, format).path
        for file in folder.rglob("*.*"):
            assert b"alice" not in file.read_bytes(), file


def test_ties_and_what_was_left_unplaced_make_no_pair(project: Project, alice: User) -> None:
    Project.objects.update(partial_order=True)
    make.make_ranking(alice, make.make_slate(project, ["a", "b", "c", "d"]), [[1], [0, 2]])
    told = [
        (row["chosen"][0]["content"], row["rejected"][0]["content"]) for row in rows(written(project, "preference"))
    ]
    assert sorted(told) == [("b", "a"), ("b", "c")]


def test_a_demonstration_leaves_as_one_conversation(project: Project, alice: User) -> None:
    demonstration = demonstrate(alice, project)
    [row] = rows(written(project, "sft"))
    assert row["messages"] == [*demonstration.prompt.messages, *demonstration.messages]
    assert row["labeler"] == alice.pseudonym


def corrected(by: User, project: Project, text: str, **slate: Any) -> Slate:
    """A new slate that was ranked, and its first completion corrected."""
    ranked = make.make_slate(project, ["I am SmolLM2. Beaches.", "no\u200bthing"], **slate)
    correction = Correction(completion=ranked.completions.earliest("pk").public_id, text=text)
    assignment = make.lent(by, project)
    tiers = make.tiers_of(ranked)
    submit_ranking(
        by=by, assignment_id=assignment.public_id, tiers=tiers, correction=correction, note="\u202e", key=uuid.uuid4()
    )
    return ranked


def test_a_demonstration_leaves_with_everything_that_was_kept(project: Project, alice: User) -> None:
    demonstrate(alice, project)
    slate = corrected(alice, project, "I am [name]. Beach\u00ades!", policy=make.make_policy(project, "base"))
    asked_for, corrects = rows(export := written(project, Format.DEMONSTRATIONS))
    assert asked_for["messages"] == [{"role": "assistant", "content": "On the beach where they hatched."}]
    assert set(asked_for["origin"].values()) == {asked_for["edit_distance"], asked_for["slate"]} == {None}
    assert corrects["origin"]["text"] == "I am [name]. Beaches."
    assert (corrects["origin"]["policy_name"], corrects["origin"]["masked"]) == ("base", True)
    assert (corrects["edit_distance"], corrects["suspicious"]) == (2, ["U+00AD"])
    assert corrects["slate"] == str(slate.public_id)
    assert (corrects["guideline"], corrects["surplus"], corrects["prompt"]["suspicious"]) == (1, False, [])
    assert [
        policy["name"] for policy in manifest.read(settings.STORE / export.path, kind="export")["policies"].values()
    ] == ["base"]


def test_what_nobody_sees_and_who_named_itself_is_flagged(project: Project, alice: User) -> None:
    corrected(alice, project, "")
    [row] = rows(written(project))
    told = {each["text"]: (each["masked"], each["suspicious"]) for each in row["completions"]}
    assert told == {"I am [name]. Beaches.": (True, []), "no\u200bthing": (False, ["U+200B"])}
    assert (row["suspicious"], row["prompt"]["suspicious"]) == (["U+202E"], [])


def test_a_correction_of_an_eval_prompt_leaves_in_its_own_file(project: Project, alice: User) -> None:
    corrected(alice, project, "Beaches.", split=Split.EVAL)
    for format in (Format.SFT, Format.DEMONSTRATIONS):
        export = written(project, format)
        assert [len(rows(export, split)) for split in ("train", "eval")] == [0, 1]


@pytest.mark.parametrize("format", [Format.RANKINGS, Format.PREFERENCE])
def test_a_prompt_is_in_one_split_only(project: Project, alice: User, bob: User, format: str) -> None:
    for split in (Split.TRAIN, Split.EVAL):
        for by in (alice, bob):
            make.make_ranking(by, make.make_slate(project, k=2, split=split))
    export = written(project, format)
    key = "prompt_id" if format == Format.PREFERENCE else "id"
    prompts = {
        split: {row[key] if key == "prompt_id" else row["prompt"]["id"] for row in rows(export, split)}
        for split in Split.values
    }
    assert [len(found) for found in prompts.values()] == [2, 2]
    assert not prompts["train"] & prompts["eval"]


def test_quarantined_completions_stay_and_rankings_of_retired_prompts_leave(project: Project, alice: User) -> None:
    bad = make.make_policy(project, "bad")
    make.make_ranking(alice, make.make_slate(project, ["bad one", "bad two"], policy=bad))
    kept = make.make_ranking(alice, make.make_slate(project, k=2))
    Prompt.objects.filter(pk=kept.slate.prompt_id).update(retired_at=kept.created_at)
    quarantine(policy=bad)
    assert [row["id"] for row in rows(written(project))] == [str(kept.public_id)]
    assert "bad one" not in json.dumps(rows(written(project, "preference")))


def test_a_late_answer_leaves_marked_as_surplus(project: Project, alice: User) -> None:
    slate = make.make_slate(project)
    Assignment.objects.filter(slate=slate).update(state="lapsed", labeler=alice, slot=None)
    late = Assignment.objects.get(slate=slate)
    submit_ranking(by=alice, assignment_id=late.public_id, tiers=make.tiers_of(slate), key=uuid.uuid4())
    assert [row["surplus"] for row in rows(written(project))] == [True]


def test_the_manifest_tells_what_lies_there_and_the_row_outlives_the_files(
    project: Project, alice: User, store: Path, django_capture_on_commit_callbacks: object
) -> None:
    make.make_ranking(alice, make.make_slate(project))
    export = written(project)
    facts = manifest.read(store / export.path, kind="export")
    assert (facts["contents"], facts["project"]) == ("rankings", "turtles")
    assert (facts["counts"], facts["sources"]) == ({"train": 1, "eval": 0}, 1)
    assert datetime.fromisoformat(export.facts["read_at"]) <= timezone.now()
    assert {policy["name"] for policy in facts["policies"].values()}
    assert set(facts["software"]) == {"tutelage"}
    assert manifest.digest(store / export.path) == export.digest
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        exports.delete(by=None, project=project, export_id=export.public_id)
    assert not (store / export.path).exists()
    gone = again(export)
    assert (gone.state, gone.digest, gone.facts) == (ExportState.DELETED, export.digest, export.facts)
    assert gone.facts["files"]["train.jsonl"]["rows"] == 1


def test_what_is_said_after_the_order_leaves_with_the_moment_of_writing(project: Project, alice: User) -> None:
    export = exports.order(by=None, project=project, format="rankings")
    make.make_ranking(alice, make.make_slate(project))
    writing.write(export_id=export.pk, owner="worker")
    assert len(rows(again(export))) == 1


def test_other_projects_stay_out(project: Project, alice: User) -> None:
    other = make.make_project("tortoises")
    make.make_ranking(make.make_person("carol", other, Role.LABELER), make.make_slate(other))
    demonstrate(alice, project)
    assert rows(written(project)) == []
    assert rows(written(other, "sft")) == []


def test_one_export_of_a_format_is_on_its_way_at_a_time(project: Project, erik: User) -> None:
    first = exports.order(by=erik, project=project, format="sft")
    with pytest.raises(ExportRefused):
        exports.order(by=erik, project=project, format="sft")
    exports.order(by=erik, project=project, format="rankings")
    writing.write(export_id=first.pk, owner="worker")
    exports.order(by=erik, project=project, format="sft")


def test_orders_and_ends_are_in_the_journal_without_a_word_of_the_data(project: Project, erik: User) -> None:
    export = written(project, by=erik)
    exports.note_download(by=erik, export=export, file="train.jsonl")
    exports.delete(by=erik, project=project, export_id=export.public_id)
    told = JournalEntry.objects.filter(subject="export", subject_id=str(export.pk)).order_by("pk")
    assert [(entry.verb, entry.actor) for entry in told] == [
        ("order", erik),
        ("export", None),
        ("download", erik),
        ("delete", erik),
    ]
    assert told[2].facts == {"file": "train.jsonl", "digest": export.digest}
