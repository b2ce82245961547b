"""A directory exists when it is complete, is never overwritten, and is what its manifest says."""

import os
from pathlib import Path

import pytest

from trainer import manifest


def published(folder: Path) -> Path:
    with manifest.writing(folder, kind="dataset", project="turtles") as twin:
        (twin / "model").mkdir()
        (twin / "model" / "weights").write_bytes(b"abc")
        (twin / "rows.jsonl").write_text("{}\n")
    return folder


def test_what_was_published_is_read_back(tmp_path: Path) -> None:
    facts = manifest.read(published(tmp_path / "d"), kind="dataset")
    assert facts["project"] == "turtles"
    assert set(facts["files"]) == {"model/weights", "rows.jsonl"}


def test_the_digest_of_equal_contents_is_equal_and_changes_with_them(tmp_path: Path) -> None:
    first, second = published(tmp_path / "a"), published(tmp_path / "b")
    with manifest.writing(tmp_path / "c", kind="dataset", project="tortoises") as twin:
        (twin / "rows.jsonl").write_text("{}\n")
    assert manifest.digest(first) == manifest.digest(second) != manifest.digest(tmp_path / "c")


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda folder: (folder / "rows.jsonl").write_text("{} \n"), "rows.jsonl does not have the digest"),
        (lambda folder: (folder / "rows.jsonl").unlink(), "rows.jsonl is missing"),
        (lambda folder: (folder / "extra").write_text(""), "extra is not in the manifest"),
        (lambda folder: (folder / "link").symlink_to("rows.jsonl"), "is a link"),
        (lambda folder: (folder / "manifest.json").unlink(), "not a finished directory"),
        (lambda folder: (folder / "manifest.json").write_text("{"), "is not JSON"),
        (lambda folder: (folder / "manifest.json").write_text('{"format": 2}'), "format 2"),
    ],
)
def test_a_spoilt_directory_is_refused_by_name(tmp_path: Path, spoil, complaint: str) -> None:  # type: ignore[no-untyped-def]
    folder = published(tmp_path / "d")
    spoil(folder)
    with pytest.raises(manifest.ManifestError, match=complaint):
        manifest.read(folder, kind="dataset")


def test_another_kind_is_refused(tmp_path: Path) -> None:
    with pytest.raises(manifest.ManifestError, match="a 'dataset', where a 'policy' is needed"):
        manifest.read(published(tmp_path / "d"), kind="policy")


def test_a_failed_writer_leaves_nothing_under_the_name(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError), manifest.writing(tmp_path / "d", kind="dataset"):
        raise RuntimeError
    assert not (tmp_path / "d").exists()


def test_a_finished_directory_is_never_overwritten(tmp_path: Path) -> None:
    before = manifest.digest(published(tmp_path / "d"))
    with pytest.raises(manifest.ManifestError, match="never overwritten"):
        published(tmp_path / "d")
    assert manifest.digest(tmp_path / "d") == before


def test_two_writers_never_share_a_directory(tmp_path: Path) -> None:
    with manifest.lock(tmp_path / "d"), pytest.raises(manifest.InUse), manifest.lock(tmp_path / "d"):
        pass


def test_a_dead_writer_blocks_nobody(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        with manifest.lock(tmp_path / "d"):
            os._exit(9)
    os.waitpid(child, 0)
    with manifest.lock(tmp_path / "d") as twin:
        assert twin.is_dir()


def test_what_a_stage_needs_only_while_it_works_is_not_published(tmp_path: Path) -> None:
    with manifest.writing(tmp_path / "d", kind="dataset") as twin:
        (twin / "checkpoint").mkdir()
        (twin / "checkpoint" / "facts.json").write_text("{}")
        (twin / "heartbeat").write_text("{}")
    assert [path.name for path in (tmp_path / "d").iterdir()] == ["manifest.json"]
