"""Both models that are compared, each loaded by both sides from the same files."""

from pathlib import Path

import pytest
import torch

from tests.peers.cases import Models, make_models
from trainer import compute


@pytest.fixture(scope="session", autouse=True)
def _as_theirs() -> None:
    """One thread and fp32, which is what TRL's scripts compute in."""
    torch.set_num_threads(1)
    compute.use("fp32")


@pytest.fixture(scope="session", params=["tiny", pytest.param("smollm2", marks=pytest.mark.smollm)])
def models(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Models:
    return make_models(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="session")
def tiny_models(tmp_path_factory: pytest.TempPathFactory) -> Models:
    """For what is shown by one number, which a small model shows as well."""
    return make_models("tiny", tmp_path_factory.mktemp("shown"))


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cases")
