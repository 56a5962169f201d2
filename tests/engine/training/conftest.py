"""A workspace with a frozen version of a small shop's questions, and a tiny model to train on it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.data import freezing
from engine.training.recipes.recipe import Recipe
from engine.workspace import Workspace, open_workspace
from tests.engine.models.tiny import make_tiny

THINGS = ("lamp", "sofa", "rug", "clock", "mirror", "vase", "chair", "shelf", "desk", "bowl")
ASKED = {
    "order": ("Where is my {}?", "Your {} is on its way."),
    "refund": ("I want a refund for the {}.", "We will refund the {} within 5 days."),
    "return": ("Can I return the {}?", "Yes, send the {} back within 30 days."),
    "care": ("How do I clean the {}?", "Use a dry cloth for the {}."),
}
# A few steps of a few examples: seconds.
SHORT = Recipe(
    name="quick",
    epochs=2.0,
    learning_rate=5e-3,
    batch_size=4,
    accumulation=1,
    rank=4,
    alpha=8,
    context=64,
    checks=2,
    validation_examples=4,
)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tiny(tmp_path_factory.mktemp("models") / "tiny")


def make_workspace(folder: Path) -> Workspace:
    """Forty examples in four topics, frozen as "first"."""
    opened = open_workspace(folder / "workspace")
    rows = [
        [f"{topic}-{thing}", question.format(thing), answer.format(thing), topic]
        for thing in THINGS
        for topic, (question, answer) in ASKED.items()
    ]
    with opened.database.transaction() as cursor:
        cursor.executemany("INSERT INTO examples (conversation, instruction, output, topic) VALUES (?, ?, ?, ?)", rows)
    freezing.freeze(opened, "first")
    return opened


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    opened = make_workspace(tmp_path)
    yield opened
    opened.close()
