"""Each export in a format of TRL's is loaded by `datasets` from its folder and trained on by the trainers it is for."""

import math
from pathlib import Path

import pytest
from django.conf import LazySettings

from accounts.models import Project, User
from exchange.models import Format
from tests import make
from tests.exchange.written import rows, written
from tests.peers.cases import LATEST, Models, ask_trl
from tests.rounds import loop

pytestmark = pytest.mark.peers

FOR = (
    ("SFT", Format.SFT),
    ("SFT", Format.OPENAI_SFT),
    ("DPO", Format.PREFERENCE),
    ("reward", Format.PREFERENCE),
    ("reward", Format.IMPLICIT),
    ("DPO", Format.IMPLICIT),
    ("KTO", Format.UNPAIRED),
    ("GRPO", Format.PROMPTS),
    ("RLOO", Format.PROMPTS),
)


def test_trls_trainers_take_the_exports_that_are_for_them(
    project: Project, alice: User, settings: LazySettings, tmp_path: Path, tiny_models: Models
) -> None:
    settings.STORE = tmp_path / "store"
    for number in range(3):
        slate = make.make_slate(project, [f"best {number}", "good", "bad"])
        make.make_ranking(alice, slate, [[0], [1], [2]], cut=1)
        loop.demonstrate(alice, project)
    exports = {format: written(project, format) for _trainer, format in FOR}
    folders = {format: str(settings.STORE / export.path) for format, export in exports.items()}
    given = [(trainer, folders[format]) for trainer, format in FOR]
    answer = ask_trl(
        LATEST, "trl_exports.py", tmp_path / "case", tiny_models, given, arguments={"per_device_train_batch_size": 2}
    )
    for trainer, format in FOR:
        found = answer.found[f"{trainer} {folders[format]}"]
        assert found["rows"] == len(rows(exports[format])) > 1, (trainer, format)
        assert found["steps"] == 1, (trainer, format)
        assert math.isfinite(found["loss"]), (trainer, format)
