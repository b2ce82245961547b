"""The client's example to its end: prompts go in, people rank, the pairs come out, and TRL 1.16 trains on them."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings
from safetensors.torch import load_file
from transformers import AutoTokenizer

from accounts import api_tokens
from accounts.models import Project, Scope, User
from tests.client import live
from tests.peers.cases import LATEST, PASSED_ON, PEERS, ROOT, Models, template

pytestmark = [pytest.mark.peers, pytest.mark.django_db(transaction=True)]
COUNT = 6


@pytest.fixture(scope="module")
def model(tiny_models: Models, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny policy as any other model: its conversations' frame is a chat template."""
    inner = tiny_models.policy / "model"
    folder = tmp_path_factory.mktemp("model")
    for path in inner.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    words = AutoTokenizer.from_pretrained(inner)
    words.chat_template = template(tiny_models.policy)
    words.pad_token_id, words.eos_token_id = 0, json.loads((inner / "tutelage.json").read_text())["eos"]
    words.save_pretrained(folder)
    return folder


@pytest.fixture
def address(transactional_db: None, settings: LazySettings, tmp_path: Path) -> Iterator[str]:
    settings.STORE = tmp_path / "store"
    with live.serving() as address, live.again_and_again(live.work):
        yield address


@pytest.mark.parametrize("kind", ["dpo", "reward"])
def test_trl_trains_on_what_the_client_took(
    kind: str, model: Path, project: Project, olga: User, alice: User, address: str, tmp_path: Path
) -> None:
    _token, secret = api_tokens.issue(by=olga, name="example", scopes=[Scope.DATA], days=1)
    prompts, out = tmp_path / "prompts.jsonl", tmp_path / "pairs"
    prompts.write_text("".join(json.dumps({"prompt": f"Why {number}?"}) + "\n" for number in range(COUNT)))
    words = [address, "turtles", prompts, "--rankings", COUNT, "--every", 0.2, "--out", out]
    words += ["--train", kind, "--model", model, "--steps", 2]
    command = [PEERS / f"trl-{LATEST}/bin/python", ROOT / "client/examples/preferences.py", *words]
    given = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    own = {"TUTELAGE_TOKEN": secret, "PYTHONPATH": str(ROOT / "client"), "HF_HUB_OFFLINE": "1"}
    own |= {"HF_HOME": str(tmp_path / "hf"), "TRL_EXPERIMENTAL_SILENCE": "1"}
    with live.again_and_again(lambda: live.rank_everything(project, alice)):
        done = subprocess.run([str(word) for word in command], env=given | own, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert f"{kind}: loss" in done.stdout
    before, after = (load_file(folder / "model.safetensors") for folder in (model, tmp_path / f"pairs-{kind}"))
    inner = {name: each for name, each in after.items() if name in before}
    assert any(not each.equal(before[name]) for name, each in inner.items()), "nothing was learned"
