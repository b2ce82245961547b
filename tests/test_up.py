"""`make up` and its sisters: one command starts everything, another ends it, and what is wrong is one sentence."""

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.place import Place, place_with_tiny_policy
from tests.rehearse import ROOT
from tutelage.instance import CannotStart, free_port
from tutelage.management.commands.up import refuse_full_disk


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    found = place_with_tiny_policy(tmp_path_factory.mktemp("up") / "var")
    yield found
    found.run("down")


@pytest.fixture
def up(place: Place) -> Iterator["subprocess.Popen[bytes]"]:
    process = place.up()
    yield process
    process.terminate()
    process.wait()
    place.run("down")


def sentence(done: "subprocess.CompletedProcess[str]") -> str:
    """What a refused command said: one line, and no traceback."""
    assert done.returncode != 0
    (line,) = done.stderr.strip().splitlines()
    return line


def test_one_command_leads_to_the_first_slate_and_another_ends_everything(
    place: Place, up: "subprocess.Popen[bytes]"
) -> None:
    link = re.search(r"http://127\.0\.0\.1:\d+/join/\S+", place.text)
    assert link
    assert httpx.get(link.group()).status_code == 200
    token = link.group().rstrip("/").rpartition("/")[2]
    assert not any(token in log.read_text(encoding="utf-8") for log in (place.data / "logs").iterdir())
    place.wait_for(lambda: "the first slate is ready" in place.text)
    assert "supervisor  runs" in place.run("status").stdout
    assert (place.data / "secret_key").stat().st_mode & 0o777 == 0o600
    assert not any(path.stat().st_mode & 0o077 for path in place.data.iterdir() if path.name != "store")

    assert f"runs already at http://127.0.0.1:{place.port}" in sentence(place.run("up", "--port", str(place.port)))
    assert "runs already" in sentence(place.run("reset", answer="delete\n"))

    assert "web" in place.run("down").stdout
    assert (up.wait(), place.processes()) == (0, [])
    told = place.run("status")
    assert (told.returncode, "Nothing is running" in told.stdout) == (1, True)
    assert "Nothing is running" in place.run("down").stdout


def test_ctrl_c_ends_everything_and_a_second_start_goes_on(place: Place, up: "subprocess.Popen[bytes]") -> None:
    assert "the base policy writes its first completions" not in place.text
    up.send_signal(signal.SIGINT)
    assert (up.wait(), place.processes()) == (0, [])


def test_what_a_killed_start_left_behind_is_named_and_ended_by_down(
    place: Place, up: "subprocess.Popen[bytes]"
) -> None:
    up.kill()
    up.wait()
    assert re.search(r"cut off and left .*web.* running", sentence(place.run("up", "--port", str(place.port))))
    place.run("down")
    assert place.processes() == []


def test_a_start_that_is_killed_half_way_leaves_nothing_unknown(place: Place) -> None:
    process = place.starting()
    place.wait_for(lambda: "is starting" in place.run("status").stdout)
    place.wait_for(lambda: "valkey      runs" in place.run("status").stdout)
    process.kill()
    process.wait()
    assert "valkey" in place.run("down").stdout
    assert place.processes() == []


def test_a_port_in_use_is_one_sentence(place: Place) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert f"Port {port} is in use" in sentence(place.run("up", "--port", str(port)))


def test_a_full_disk_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(CannotStart, match="GiB are free"):
        refuse_full_disk(tmp_path, 2**62)


def test_without_a_network_the_install_says_so(tmp_path: Path) -> None:
    words = ["make", "--always-make", "install", f"VENV={tmp_path / 'venv'}"]
    closed = {"PIP_INDEX_URL": f"http://127.0.0.1:{free_port()}/", "PIP_RETRIES": "0", "PIP_CONFIG_FILE": os.devnull}
    done = subprocess.run(words, cwd=ROOT, env={**os.environ, **closed}, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "Is there a network?" in done.stdout


def test_reset_deletes_only_after_the_word(place: Place) -> None:
    place.run("migrate", "--verbosity", "0")
    assert "Nothing was deleted" in sentence(place.run("reset", answer="yes\n"))
    assert (place.data / "tutelage.sqlite3").is_file()
    (place.data / "diary.txt").write_text("somebody's own")
    assert "diary.txt" in place.run("reset", answer="delete\n").stdout
    assert [path.name for path in place.data.iterdir()] == ["diary.txt"]


def test_reset_refuses_a_folder_that_is_not_tutelages(tmp_path: Path) -> None:
    other = Place(tmp_path / "other", free_port())
    assert "holds no database of Tutelage" in sentence(other.run("reset", answer="delete\n"))
