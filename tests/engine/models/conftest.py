from pathlib import Path

import pytest

from tests.engine.models.tiny import make_tiny


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny model with random weights."""
    return make_tiny(tmp_path_factory.mktemp("models") / "tiny")
