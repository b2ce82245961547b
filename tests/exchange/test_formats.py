"""Each format's row is what its readers' documentation says, and options choose and shape what leaves."""

import csv
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db.models.functions import Now

from accounts.models import Guideline, Project, Role, User
from annotations.choices import Split
from annotations.models import Assignment, Prompt, Ranking, Slate
from exchange.formats.table import harmless
from exchange.models import Export, Format
from exchange.services import exports
from exchange.services.exports import ExportRefused
from rounds.machine import State
from tests import make
from tests.exchange.written import rows, written
from tests.rounds import loop

# The 14 beginnings that make a spreadsheet compute, some behind spaces, some full-width.
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "|cmd", "%x", "＝1", "＋1", "－1", "＠x", "  =1"]
OPENAI_ROLES = {"system", "user", "assistant"}


@pytest.fixture
def ranked(project: Project, alice: User) -> Slate:
    """A slate of three: "best" over "good" and "also good", which tie; the line under the best."""
    slate = make.make_slate(project, ["good", "best", "also good"])
    make.make_ranking(alice, slate, [[1], [0, 2]], cut=1)
    return slate


def answers(row: dict[str, Any], *names: str) -> tuple[str, ...]:
    return tuple(row[name][-1]["content"] for name in names)


def test_an_implicit_prompt_stands_in_both_conversations(project: Project, ranked: Slate) -> None:
    found = rows(written(project, Format.IMPLICIT))
    assert all(row["chosen"][:-1] == row["rejected"][:-1] == ranked.prompt.messages for row in found)
    assert {answers(row, "chosen", "rejected") for row in found} == {("best", "good"), ("best", "also good")}
    assert "prompt" not in found[0]


def test_unpaired_answers_are_good_above_the_cut_and_need_one(project: Project, ranked: Slate, bob: User) -> None:
    make.make_ranking(bob, make.make_slate(project, k=2))
    found = rows(written(project, Format.UNPAIRED))
    told = {row["completion"][0]["content"]: row["label"] for row in found}
    assert told == {"best": True, "good": False, "also good": False}
    assert all(row["prompt"] == ranked.prompt.messages for row in found)


def test_openai_gets_its_own_keys_and_no_others(project: Project, ranked: Slate, alice: User) -> None:
    pairs = rows(written(project, Format.OPENAI_PREFERENCE))
    assert {frozenset(row) for row in pairs} == {frozenset({"input", "preferred_output", "non_preferred_output"})}
    for row in pairs:
        assert set(row["input"]) == {"messages"}
        assert [turn["role"] for turn in row["preferred_output"] + row["non_preferred_output"]] == ["assistant"] * 2
    loop.demonstrate(alice, project)
    [row] = rows(written(project, Format.OPENAI_SFT))
    assert set(row) == {"messages"}
    assert row["messages"][-1]["role"] == "assistant"
    assert {turn["role"] for turn in row["messages"]} <= OPENAI_ROLES
    assert {frozenset(turn) for turn in row["messages"]} == {frozenset({"role", "content"})}


def test_hh_rows_are_two_strings_of_human_and_assistant(project: Project, ranked: Slate) -> None:
    Prompt.objects.filter(pk=ranked.prompt_id).update(
        messages=[
            {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": "Hi."},
            {"role": "user", "content": "Bye?"},
        ]
    )
    found = rows(written(project, Format.HH))
    before = "\n\nHuman: Hello\n\nAssistant: Hi.\n\nHuman: Bye?\n\nAssistant: "
    assert {(row["chosen"], row["rejected"]) for row in found} == {
        (f"{before}best", f"{before}good"),
        (f"{before}best", f"{before}also good"),
    }


def test_prompts_leave_alone_while_they_are_asked(project: Project, ranked: Slate) -> None:
    retired = make.make_prompt(project, "Gone?")
    Prompt.objects.filter(pk=retired.pk).update(retired_at=Now())
    [row] = rows(written(project, Format.PROMPTS))
    assert row == {"prompt": ranked.prompt.messages, "id": str(ranked.prompt.public_id), "tags": []}


def test_a_tree_holds_a_prompts_answers_their_ranks_and_every_ranking(project: Project, alice: User, bob: User) -> None:
    slate = make.make_slate(project, ["a", "b"])
    make.make_ranking(alice, slate, [[1], [0]])
    loop.demonstrate(alice, project)
    trees = {tree["prompt"]["text"]: tree for tree in rows(written(project, Format.TREES))}
    root = trees[slate.prompt.messages[0]["content"]]["prompt"]
    assert (root["role"], root["parent_id"]) == ("prompter", None)
    assert {reply["text"]: reply["rank"] for reply in root["replies"]} == {"a": 1, "b": 0}
    assert all(reply["parent_id"] == root["message_id"] and reply["synthetic"] for reply in root["replies"])
    [event] = root["events"]["ranking"]
    by_id = {reply["message_id"]: reply["text"] for reply in root["replies"]}
    assert [by_id[ident] for ident in event["ranked_message_ids"]] == ["b", "a"]
    assert (event["ranking"], event["tiers"], event["user_id"]) == ([1, 0], [1, 2], alice.pseudonym)
    [human] = [reply for tree in trees.values() for reply in tree["prompt"]["replies"] if not reply["synthetic"]]
    assert (human["text"], human["user_id"]) == ("On the beach where they hatched.", alice.pseudonym)


def test_a_table_has_a_row_for_each_answer_and_no_cell_computes(project: Project, alice: User) -> None:
    make.make_ranking(alice, make.make_slate(project, ["=HYPERLINK(1)", "plain"]))
    export = written(project, Format.TABLE)
    with (settings.STORE / export.path / "train.csv").open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    assert [row["completion"] for row in found] == ["'=HYPERLINK(1)", "plain"]
    assert {row["labeler"] for row in found} == {alice.pseudonym}
    assert sorted(row["tier"] for row in found) == ["1", "2"]


@pytest.mark.parametrize("text", FORMULAS)
def test_every_beginning_of_a_formula_is_made_harmless(text: str) -> None:
    assert harmless(text) == f"'{text}"
    assert harmless(f"a{text}") == f"a{text}"


def test_ties_are_pairs_without_margin_where_they_are_wanted(project: Project, ranked: Slate) -> None:
    found = rows(written(project, Format.PREFERENCE, ties=True))
    assert sorted(row["margin"] for row in found) == [0.0, 1.0, 1.0]
    assert sum(row["weight"] for row in found) == pytest.approx(1.0)


def test_the_ends_of_a_ranking_make_one_pair(project: Project, alice: User) -> None:
    make.make_ranking(alice, make.make_slate(project, ["a", "b", "c"]), [[2], [1], [0]])
    [row] = rows(written(project, Format.PREFERENCE, pairs="ends"))
    assert answers(row, "chosen", "rejected") == ("c", "a")
    assert (row["margin"], row["weight"]) == (2.0, 1.0)


def of_round(project: Project, alice: User) -> dict[str, Any]:
    loop.install(project, "base")
    loop.freeze(loop.start(project))
    make.make_ranking(alice, make.make_slate(project, ["late", "later"]))
    return {"round": 1}


def of_yesterday(project: Project, alice: User) -> dict[str, Any]:
    late = make.make_ranking(alice, make.make_slate(project, ["late", "later"]))
    Ranking.objects.filter(pk=late.pk).update(created_at=late.created_at - timedelta(days=1))
    return {"since": late.created_at.date().isoformat(), "until": late.created_at.date().isoformat()}


def of_a_guideline(project: Project, alice: User) -> dict[str, Any]:
    second = Guideline.objects.create(project=project, version=2, text="Be brief.")
    late = make.make_ranking(alice, make.make_slate(project, ["late", "later"]))
    Ranking.objects.filter(pk=late.pk).update(guideline=second)
    return {"guideline": 1}


def of_labelers(project: Project, alice: User) -> dict[str, Any]:
    carol = make.make_person("carol", project)
    make.make_ranking(carol, make.make_slate(project, ["late", "later"]))
    project.memberships.filter(user=carol).update(role=Role.REVIEWER)
    return {"role": "labeler"}


def without_late_ones(project: Project, alice: User) -> dict[str, Any]:
    late = make.make_ranking(alice, make.make_slate(project, ["late", "later"]))
    Assignment.objects.filter(pk=late.assignment_id).update(surplus=True, slot=None)
    return {"surplus": False}


@pytest.mark.parametrize("choose", [of_round, of_yesterday, of_a_guideline, of_labelers, without_late_ones])
def test_an_option_leaves_out_what_was_not_asked_for(
    project: Project, ranked: Slate, alice: User, choose: Callable[[Project, User], dict[str, Any]]
) -> None:
    options = choose(project, alice)
    assert len(rows(written(project))) == 2
    for format in (Format.RANKINGS, Format.TREES):
        text = json.dumps(rows(written(project, format, **options)))
        assert "also good" in text
        assert '"later"' not in text


def test_agreement_leaves_the_slates_on_which_people_agree(project: Project, alice: User, bob: User) -> None:
    Project.objects.update(overlap=2)
    project.refresh_from_db()
    for texts, theirs in ((["alike", "x"], [[0], [1]]), (["apart", "y"], [[1], [0]])):
        slate = make.make_slate(project, texts)
        make.make_ranking(alice, slate, [[0], [1]])
        make.make_ranking(bob, slate, theirs)
    make.make_ranking(alice, make.make_slate(project, ["alone", "z"]))
    found = rows(written(project, agreement=0.9))
    assert {row["completions"][0]["text"] for row in found} == {"alike"}
    assert len(found) == 2
    assert "on 50% of the pairs of 2 slates" in card_of(written(project))


def card_of(export: Export) -> str:
    return str((settings.STORE / export.path / "README.md").read_text(encoding="utf-8"))


def test_a_split_of_ones_own_keeps_each_prompt_on_one_side(project: Project, alice: User, bob: User) -> None:
    for _number in range(12):
        slate = make.make_slate(project, k=3)
        make.make_ranking(alice, slate, [[0], [1], [2]])
    export = written(project, Format.PREFERENCE, eval_share=50)
    sides = {split: {row["prompt_id"] for row in rows(export, split)} for split in Split.values}
    assert all(sides.values())
    assert not sides["train"] & sides["eval"]
    assert [len(rows(written(project, "rankings", eval_share=share), "eval")) for share in (0, 100)] == [0, 12]


@pytest.mark.parametrize("format", Format.values)
def test_the_same_options_give_the_same_bytes_and_digest(
    project: Project, ranked: Slate, alice: User, format: str
) -> None:
    loop.demonstrate(alice, project)
    one, other = written(project, format, surplus=False), written(project, format, surplus=False)
    assert one.digest == other.digest
    assert one.facts["files"] == other.facts["files"]
    assert one.path != other.path


@pytest.mark.parametrize(
    "options", [{"since": "yesterday"}, {"colour": "red"}, {"agreement": 2}, {"pairs": "some"}, {"round": 7}]
)
def test_options_of_no_sense_are_refused_in_words(project: Project, options: dict[str, Any]) -> None:
    with pytest.raises(ExportRefused):
        exports.order(by=None, project=project, format="rankings", options=options)
    assert not Export.objects.exists()


def test_many_rows_are_files_of_a_bounded_size(project: Project, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exchange.files.ROWS_A_SHARD", 2)
    for _number in range(5):
        make.make_ranking(alice, make.make_slate(project, k=2))
    export = written(project)
    told = {name: file["rows"] for name, file in export.facts["files"].items() if file["rows"]}
    assert told == {"train.jsonl": 2, "train-00001.jsonl": 2, "train-00002.jsonl": 1}
    assert all(name in card_of(export) for name in told)


def test_a_round_that_froze_nothing_is_no_option(project: Project, ranked: Slate) -> None:
    loop.install(project, "base")
    assert loop.start(project).state == State.EXPORTING
    with pytest.raises(ExportRefused, match="Round 1"):
        exports.order(by=None, project=project, format="rankings", options={"round": 1})
