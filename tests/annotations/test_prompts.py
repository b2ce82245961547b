"""Prompts come in whole files or not at all, each text once, its split chosen by the text."""

import json
from hashlib import sha256
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts.models import Project, User
from accounts.permissions import NotAllowed
from annotations.models import Assignment, Prompt
from annotations.services.prompts import PromptFileError, PromptRow, add_prompts, read_prompt_file
from annotations.texts import BadMessages
from tests import make

GOOD = '{"question": "Where do turtles sleep?"}'


def rows(count: int) -> list[PromptRow]:
    return [PromptRow(messages=[{"role": "user", "content": f"Turtle {number}?"}]) for number in range(count)]


def a_file(folder: Path, text: str | bytes, name: str = "prompts.jsonl") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def test_three_ways_to_write_a_prompt_and_plain_lines_read_alike(tmp_path: Path) -> None:
    messages = '[{"role": "user", "content": "Why?"}]'
    jsonl = a_file(tmp_path, f'{{"messages": {messages}}}\n\n{{"text": "Why?"}}\r\n{{"question": "Why?", "gold": 1}}')
    plain = a_file(tmp_path, "\ufeffWhy?\n  Why?  \n\nWhy?\n", "prompts.txt")
    assert read_prompt_file(jsonl) == read_prompt_file(plain)
    assert [row.messages[0]["content"] for row in read_prompt_file(plain)] == ["Why?"] * 3


def test_tags_and_priority_come_along(tmp_path: Path) -> None:
    [row] = read_prompt_file(a_file(tmp_path, '{"text": "Why?", "tags": ["a"], "priority": 5}'))
    assert (row.tags, row.priority) == (["a"], 5)


@pytest.mark.parametrize(
    "bad",
    [
        "no json",
        "[]",
        "{}",
        '{"text": "a", "question": "b"}',
        '{"text": ""}',
        '{"text": 5}',
        '{"messages": []}',
        '{"messages": [{"role": "assistant", "content": "a"}]}',
        '{"messages": [{"role": "user", "content": "a"}, {"role": "user", "content": "b"}]}',
        '{"messages": [{"role": "robot", "content": "a"}]}',
        '{"text": "a", "tags": "b"}',
        '{"text": "a", "priority": NaN}',
        '{"text": "a", "priority": true}',
        '{"text": "' + "x" * 64_001 + '"}',
        "[" * 20_000,
        b'{"text": "\xff"}',
    ],
)
def test_a_bad_line_is_named_and_nothing_is_imported(project: Project, tmp_path: Path, bad: str | bytes) -> None:
    raw = bad.encode() if isinstance(bad, str) else bad
    path = a_file(tmp_path, GOOD.encode() + b"\n" + raw + b"\n" + GOOD.encode())
    with pytest.raises(PromptFileError, match=r"prompts\.jsonl, line 2: ."):
        read_prompt_file(path)
    with pytest.raises(CommandError, match="line 2"):
        call_command("import_prompts", "--project", project.slug, str(path))
    assert not Prompt.objects.exists()


def test_a_file_without_prompts_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PromptFileError, match="holds no prompts"):
        read_prompt_file(a_file(tmp_path, "\n\n"))


def test_the_command_says_what_it_added_and_adds_a_text_once(project: Project, tmp_path: Path) -> None:
    path = a_file(tmp_path, f"{GOOD}\n{GOOD}\n" + '{"text": "Another?"}')
    for expected in ("2 prompts added, 1 were there already.", "0 prompts added, 3 were there already."):
        out = StringIO()
        call_command("import_prompts", "--project", project.slug, str(path), stdout=out)
        assert out.getvalue().strip() == expected
    assert project.prompts.count() == 2


@pytest.mark.parametrize(("slug", "file"), [("turtles", "missing.jsonl"), ("unknown", "prompts.jsonl")])
def test_the_command_names_a_missing_file_or_project(project: Project, tmp_path: Path, slug: str, file: str) -> None:
    a_file(tmp_path, GOOD)
    with pytest.raises(CommandError, match=r"missing\.jsonl|unknown"):
        call_command("import_prompts", "--project", slug, str(tmp_path / file))


def test_the_split_hangs_on_project_and_text_alone(project: Project) -> None:
    add_prompts(by=None, project=project, rows=rows(400))
    before = dict(project.prompts.values_list("digest", "split"))
    Assignment.objects.all().delete()
    project.prompts.all().delete()
    add_prompts(by=None, project=project, rows=reversed(rows(400)))
    assert dict(project.prompts.values_list("digest", "split")) == before
    other = make.make_project("tortoises")
    add_prompts(by=None, project=other, rows=rows(400))
    assert dict(other.prompts.values_list("digest", "split")) != before


def test_a_digest_is_that_of_the_text_as_any_writer_of_json_has_it(project: Project) -> None:
    strange = "".join(map(chr, [*range(1, 0xD800), *range(0xFE00, 0x10400)]))
    row = PromptRow(messages=[{"role": "user", "content": strange}])
    written = json.dumps(row.messages, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    add_prompts(by=None, project=project, rows=[row])
    assert project.prompts.get().digest == sha256(written.encode()).hexdigest()


@pytest.mark.parametrize(("thousandths", "least", "most"), [(0, 0, 0), (200, 50, 110), (900, 330, 390)])
def test_about_the_asked_share_of_prompts_is_kept_for_evaluation(
    project: Project, thousandths: int, least: int, most: int
) -> None:
    project.eval_share = thousandths
    add_prompts(by=None, project=project, rows=rows(400))
    assert least <= project.prompts.filter(split="eval").count() <= most


def test_train_prompts_ask_for_demonstrations_and_eval_prompts_never(project: Project) -> None:
    project.demonstrations_wanted = 2
    add_prompts(by=None, project=project, rows=rows(100))
    wanted = Assignment.objects.filter(kind="demonstrate")
    assert wanted.count() == 2 * project.prompts.filter(split="train").count() > 0
    assert not wanted.filter(prompt__split="eval").exists()


def test_bad_messages_add_nothing_at_all(project: Project) -> None:
    with pytest.raises(BadMessages):
        add_prompts(by=None, project=project, rows=[*rows(3), PromptRow(messages=[])])
    assert not Prompt.objects.exists()


def test_only_operators_add_prompts(project: Project, olga: User, alice: User, rita: User, mallory: User) -> None:
    assert add_prompts(by=olga, project=project, rows=rows(1)) == 1
    for person in (alice, rita, mallory):
        with pytest.raises(NotAllowed):
            add_prompts(by=person, project=project, rows=rows(2))


def test_characters_that_no_database_holds_are_dropped(project: Project, tmp_path: Path) -> None:
    path = a_file(tmp_path, r'{"text": "a\u0000b\ud800"}')
    assert add_prompts(by=None, project=project, rows=read_prompt_file(path)) == 1
    assert project.prompts.get().messages[0]["content"] == "ab?"
