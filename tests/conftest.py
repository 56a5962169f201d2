"""What every test may use. Marks are explained in pyproject.toml."""

from pathlib import Path

import pytest

SHARED_DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of public data beside the checkout, which is not part of it."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"the public data sets are not here: they belong into {SHARED_DATA}")
    return SHARED_DATA
