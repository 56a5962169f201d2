"""One trained bot for all tests of serving: making it takes seconds, and none of them changes it."""

from pathlib import Path

import pytest

from engine.serving.bots import Bot
from engine.workspace import Workspace
from tests.engine.serving.making import make_bot


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Bot]:
    return make_bot(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="session")
def workspace(made: tuple[Workspace, Bot]) -> Workspace:
    return made[0]


@pytest.fixture(scope="session")
def bot(made: tuple[Workspace, Bot]) -> Bot:
    return made[1]


@pytest.fixture
def other(tmp_path: Path, bot: Bot) -> Bot:
    """A copy of the bot that a test may change."""
    from engine.serving.bots import copy_frozen

    return copy_frozen(bot, tmp_path / "other")
