"""A bot's policy: what it talks about and what it says instead, in a file that people can read and change.

The file is `policy.toml` in the bot's folder. Comments that a person adds stay when the studio changes a value.
"""

import tomllib
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import tomlkit

from engine import files
from engine.errors import InputRefused

FORMAT = 1

REFUSAL = (
    "I am sorry, I can only help with questions about our products and services. "
    "Is there something of ours that I can help you with?"
)

TEMPLATE = """\
# What this bot may talk about, and what it says instead. Change it in any text editor; the bot reads it again at once.
format = 1

# What a customer gets whose message is about something else.
refusal = ""

[topic]
# true: messages that are far from every question the bot was trained on get the refusal above.
on = false
# What the bot talks about, for people to read. The rail itself compares with the training questions.
topics = []
# How many of its own questions it may refuse by mistake: 0.03 is 3 of 100. Set the threshold anew after a change.
wrong_refusals = 0.03
# A message that scores below this is refused.
threshold = 0.0

# How the threshold was found: how many of the bot's own questions were tried and refused by mistake, and how many
# everyday messages about other things were tried and caught.
[topic.measured]
"""


@dataclass(frozen=True)
class Measured:
    """What the threshold does, counted on the bot's own questions, each judged without itself, and likewise on
    everyday messages about other things."""

    questions: int = 0
    refused: int = 0
    off_topic: int = 0
    caught: int = 0


@dataclass(frozen=True)
class TopicPolicy:
    """The topic rail's part."""

    on: bool = False
    topics: tuple[str, ...] = ()
    wrong_refusals: float = 0.03
    threshold: float = 0.0
    measured: Measured = field(default_factory=Measured)

    def __post_init__(self) -> None:
        # The file is written by hand: "yes" in quotes is text, and would count as true.
        if not isinstance(self.on, bool):
            raise _unusable(f"on must be true or false, got {self.on!r}.")
        if not all(isinstance(topic, str) for topic in self.topics):
            raise _unusable("topics must be a list of words in quotes.")
        _between("wrong_refusals", self.wrong_refusals, 0.0, 0.5)
        _between("threshold", self.threshold, -1.0, 1.0)


@dataclass(frozen=True)
class Policy:
    """A bot's guardrails."""

    refusal: str = REFUSAL
    topic: TopicPolicy = field(default_factory=TopicPolicy)

    def __post_init__(self) -> None:
        if not isinstance(self.refusal, str) or not self.refusal.strip():
            raise _unusable("The refusal is empty: a customer would get no answer at all.")


def load(path: Path) -> Policy:
    """Reads a policy.

    Raises:
        InputRefused: the file is missing or no TOML, has a key that no rail knows, or a value that cannot be used.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputRefused("The bot has no policy.", f"{path} is missing.", "Make the bot again.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputRefused(
            "The policy cannot be read.", f"{path}: {error}.", "Mend that line in a text editor and try again."
        ) from error
    if values.pop("format", None) != FORMAT:
        raise InputRefused(
            "The policy was made by another Tunedesk.", f"{path} is not of format {FORMAT}.", "Update Tunedesk."
        )
    topic = _known(TopicPolicy, dict(values.pop("topic", {})), path)
    if "measured" in topic:
        topic["measured"] = Measured(**_known(Measured, topic["measured"], path))
    topic["topics"] = tuple(topic.get("topics", ()))
    return Policy(topic=TopicPolicy(**topic), **_known(Policy, values, path))


def save(policy: Policy, path: Path) -> None:
    """Writes a policy, keeping comments and order of the file that is there."""
    text = path.read_text(encoding="utf-8") if path.exists() else TEMPLATE
    document = tomlkit.parse(text)
    _set(document, asdict(policy))
    files.write_text(path, tomlkit.dumps(document))


def _unusable(message: str) -> InputRefused:
    return InputRefused("The policy cannot be used.", message, "Correct that line in policy.toml.")


def _between(name: str, value: float, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise _unusable(f"{name} must be {low:g} to {high:g}, got {value}.")


def _set(table: Any, values: dict[str, Any]) -> None:
    for key, value in values.items():
        if isinstance(value, dict):
            _set(table.setdefault(key, tomlkit.table()), value)
        else:
            table[key] = list(value) if isinstance(value, tuple) else value


def _known(owner: type, values: dict[str, Any], path: Path) -> dict[str, Any]:
    """`values` if `owner` has all of its keys: a misspelt key must not silently switch a rail off."""
    unknown = set(values) - {each.name for each in fields(owner)}
    if unknown:
        raise InputRefused(
            "The policy has a setting that Tunedesk does not know.",
            f"{path.name} says {', '.join(sorted(unknown))}.",
            "Correct the spelling or delete the line.",
        )
    return values
