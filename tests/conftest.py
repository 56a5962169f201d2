"""What every test may use. Marks are explained in pyproject.toml."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from engine.workspace import Workspace, open_workspace

# The plain run tries the same cases every time; those marked slow look for new ones.
settings.register_profile("plain", derandomize=True, database=None)
settings.load_profile("plain")

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    """A workspace of its own for every test; folders that need another one have theirs."""
    opened = open_workspace(tmp_path / "workspace")
    yield opened
    opened.close()


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data beside the checkout, which is not part of it."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the public data sets are not here: they belong into {SHARED_DATA}")
    return SHARED_DATA
