"""A bot is a folder that can talk. What is tested, shown, exported and served is the same folder.

bot.json         format, name, base model, the run and version it comes from, decoding     (nothing unknown in it)
adapter/         what training made, copied in; model/ where all weights were trained; a base bot has neither
policy.toml      its guardrails, for people to read and change (`engine.guardrails.policy`)
topics.npz, questions.jsonl     what its topic rail compares with (`engine.guardrails.topic_index`)
log.jsonl        every answer it gave here, with its verdicts
"""

import os
import re
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engine import files
from engine.data.examples import Example
from engine.data.sources.sample import BUSINESS
from engine.data.versions import read_split
from engine.errors import InputRefused, NotFound
from engine.guardrails import policy as policies
from engine.guardrails import topic_index
from engine.guardrails.calibrate import calibrate_topic
from engine.guardrails.policy import Policy, TopicPolicy
from engine.guardrails.rails.topic import judged_text
from engine.models import catalogue
from engine.models.generation import Decoding
from engine.models.structured import Schema
from engine.training.runs import Run
from engine.workspace import Workspace

# 2 since the decoding may name a JSON schema; bots of format 1 are read as they are.
FORMAT = 2
BASE = "base"
TOPICS_SHOWN = 12
OFF_TOPIC = "off-topic"

Progress = Callable[[str], object]


@dataclass(frozen=True)
class Bot:
    """A bot's folder, read. `base` is "starter" or the folder of a model; `run` and `version` are empty for a base bot.

    `system` is told to the model before every talk that does not bring a system message of its own.
    """

    id: str
    name: str
    folder: Path
    base: str = catalogue.STARTER
    run: str = ""
    run_created_at: float = 0.0
    version: str = ""
    version_hash: str = ""
    system: str = ""
    decoding: Decoding = field(default_factory=Decoding)
    created_at: str = ""

    @property
    def adapter(self) -> Path | None:
        """The adapter's folder; None for a base bot."""
        folder = self.folder / "adapter"
        return folder if folder.is_dir() else None

    @property
    def model(self) -> Path | None:
        """A whole model's folder, where all weights were trained."""
        folder = self.folder / "model"
        return folder if folder.is_dir() else None

    @property
    def source(self) -> str:
        """What is loaded below its adapter: its own model, or the base."""
        return str(self.model) if self.model else self.base

    @property
    def trained(self) -> bool:
        """Whether it is more than a base model."""
        return self.adapter is not None or self.model is not None

    @property
    def training(self) -> dict[str, Any]:
        """The recipe and the result of its training; empty for a base bot."""
        file = self.folder / "training.json"
        return dict(files.read_json(file)) if file.is_file() else {}

    @property
    def policy(self) -> Policy:
        """Its guardrails as they stand in the file at this moment."""
        return policies.load(self.folder / "policy.toml")


def read_bot(folder: Path) -> Bot:
    """Reads a bot from its folder alone.

    Raises:
        NotFound: there is no bot in it.
        InputRefused: its bot.json is of a later format, has a key that is not known or a value that cannot be used.
    """
    if not (folder / "bot.json").is_file():
        raise NotFound(
            f"There is no bot called {folder.name}.", f"{folder} holds no bot.json.", "List them with `tunedesk bots`."
        )
    values = files.read_json(folder / "bot.json")
    if (number := values.pop("format", None)) not in range(1, FORMAT + 1):
        raise InputRefused(
            f"{folder.name} was made by another Tunedesk.",
            f"Its format is {number}, and this one reads up to {FORMAT}.",
            "Update Tunedesk.",
        )
    known = {each.name for each in fields(Bot)} - {"id", "folder"}
    if unknown := set(values) - known:
        raise InputRefused(
            f"{folder.name} has a setting that Tunedesk does not know.",
            f"bot.json says {', '.join(sorted(unknown))}.",
            "Correct the spelling or delete the line.",
        )
    try:
        decoding = Decoding(**values.pop("decoding", {}))
    except TypeError as error:
        raise InputRefused(
            f"{folder.name} has a decoding setting that Tunedesk does not know.",
            f"bot.json: {error}.",
            "Correct the spelling or delete the line.",
        ) from error
    return Bot(id=folder.name, folder=folder, decoding=decoding, **values)


def list_bots(workspace: Workspace) -> list[Bot]:
    """All bots, `base` first, then the newest."""
    ensure_base(workspace)
    bots = [read_bot(folder) for folder in workspace.bots.iterdir() if (folder / "bot.json").is_file()]
    newest = sorted(bots, key=lambda bot: bot.created_at, reverse=True)
    return sorted(newest, key=lambda bot: bot.id != BASE)


def get_bot(workspace: Workspace, bot: str) -> Bot:
    """A bot by its id, or by its name where no id is like that.

    Raises:
        NotFound: there is none; a path is never a bot.
    """
    bots = list_bots(workspace)
    for each in [*(each for each in bots if each.id == bot), *(each for each in bots if each.name == bot)]:
        return each
    known = ", ".join(each.id for each in bots)
    raise NotFound(f"There is no bot called {bot}.", f"The bots are: {known}.", "Choose one of these.")


def newest_bot(workspace: Workspace) -> Bot:
    """The bot made last; the base model where none was trained yet."""
    return list_bots(workspace)[:2][-1]


def ensure_base(workspace: Workspace, base: str = catalogue.STARTER) -> Bot:
    """The untuned bot of a base model, made if it is not there: `base` for the starter, `base-NAME` for another."""
    name = BASE if base == catalogue.STARTER else f"{BASE}-{files.slug(Path(base).name)}"
    folder = workspace.bots / name
    if not (folder / "bot.json").is_file():
        title = "Base model" if base == catalogue.STARTER else f"{Path(base).name}, untuned"
        _write(folder, {"name": title, "base": base}, Policy(), None, None)
    return read_bot(folder)


def create_from_run(
    workspace: Workspace, run: Run, on_progress: Progress | None = None, *, refusal: str | None = None
) -> Bot:
    """Makes the bot of a finished run; one that is there already is returned as it is.

    Copies what it made, reads the questions of the version that the run learned from (train and validation, never the
    golden split) and sets the topic rail by them. Takes some seconds and about 0.3 s more per 100 questions.

    Args:
        refusal: what it says to an off-topic message; the business's own sentence, from the database, when None.

    Raises:
        InputRefused: the run has made nothing that answers.
    """
    existing = bot_of_run(workspace, run)
    if existing is not None:
        return existing
    made = run.adapter or run.model
    if made is None:
        raise InputRefused(
            f"{run.name} has nothing to talk with.",
            "It made nothing that answers: it has not ended, was thrown away, or learned to name topics.",
            "Wait until a training of answers is done.",
        )
    tell = on_progress or (lambda message: None)
    tell("Reading the questions it was trained on")
    data = run.folder / "data.parquet"
    examples = [*read_split(data, "train"), *read_split(data, "validation")]
    on_topic = [example for example in examples if not is_off_topic(example)]
    tell("Setting the topic rail by them")
    index = topic_index.build(
        [_as_judged(example) for example in on_topic],
        [example.instruction for example in examples if is_off_topic(example)],
    )
    policy = Policy(refusal=refusal or refusal_of(workspace), topic=TopicPolicy(topics=topics_of(on_topic)))
    values = {
        "name": run.name,
        "base": run.base,
        "run": run.id,
        "run_created_at": run.created_at,
        "version": run.version,
        "version_hash": run.version_hash,
    }
    folder = _free_folder(workspace, run)
    training = {"recipe": run.recipe.to_json(), "result": run.result}
    _write(folder, values, calibrate_topic(policy, index), index, (made, training))
    return read_bot(folder)


def bot_of_run(workspace: Workspace, run: Run) -> Bot | None:
    """The bot made from a run, if there is one. A removed run's id may come again, its moment does not."""
    made = (read_bot(path.parent) for path in workspace.bots.glob(f"{run.id}*/bot.json"))
    return next((bot for bot in made if (bot.run, bot.run_created_at) == (run.id, run.created_at)), None)


def set_schema(bot: Bot, schema: Schema | None) -> Bot:
    """Holds every answer of the bot to a JSON schema; None sets its answers free. Its next server keeps to it.

    Raises:
        InputRefused: answers cannot be held to this schema.
    """
    decoding = replace(bot.decoding, schema=schema)
    values = files.read_json(bot.folder / "bot.json")
    files.write_json(bot.folder / "bot.json", {**values, "format": FORMAT, "decoding": asdict(decoding)})
    return read_bot(bot.folder)


def set_wrong_refusals(bot: Bot, share: float) -> Policy:
    """Sets how many of its own questions the bot may refuse by mistake, and its threshold by that; holds at once.

    Raises:
        InputRefused: the share is out of range, or the bot has too few questions to be limited by.
    """
    index = topic_index.load(bot.folder)
    if index is None:
        raise InputRefused(
            f"{bot.name} cannot be limited to topics.",
            f"It was trained on fewer than {topic_index.FEWEST_QUESTIONS} questions, or on none.",
            "Train on more examples first.",
        )
    policy = bot.policy
    wanted = replace(policy, topic=replace(policy.topic, wrong_refusals=share))
    policies.save(calibrate_topic(wanted, index), bot.folder / "policy.toml")
    return bot.policy


def sample_questions(bot: Bot, count: int = 3) -> list[str]:
    """Short questions that the bot was trained on, spread over all of them, without numbers or addresses in them."""
    own = [line["text"] for line in files.read_jsonl(bot.folder / "questions.jsonl") if line["kind"] == "own"]
    plain = [text for text in own if 15 <= len(text) <= 70 and text.endswith("?") and re.search(r"[\d@]", text) is None]
    return plain[:: max(1, len(plain) // count)][:count]


def copy_frozen(bot: Bot, target: Path) -> Bot:
    """Copies what the bot is, without its log and its server's notes, into a new folder."""
    ignore = shutil.ignore_patterns("log.jsonl", "server.json", "server.log", ".*")
    shutil.copytree(bot.folder, target, ignore=ignore)
    return read_bot(target)


def refusal_of(workspace: Workspace) -> str:
    """What a bot of this workspace says to an off-topic message: the business's own sentence, or the usual one."""
    sentence = workspace.database.value("SELECT value ->> 'refusal' FROM settings WHERE key = ?", [BUSINESS])
    return str(sentence) if sentence else policies.REFUSAL


def refusal_now(workspace: Workspace) -> str:
    """What the bot says at present to an off-topic message: the newest trained one by its policy; else `refusal_of`."""
    bot = newest_bot(workspace)
    return bot.policy.refusal if bot.run else refusal_of(workspace)


def topics_of(examples: Sequence[Example]) -> tuple[str, ...]:
    """The commonest topics in plain words: "cancel_order" is read as "cancel order"."""
    counts = Counter(plain_topic(example.topic) for example in examples if example.topic.strip())
    return tuple(topic for topic, _ in counts.most_common(TOPICS_SHOWN))


def plain_topic(topic: str) -> str:
    """A topic's label as words."""
    return re.sub(r"[\s_]+", " ", topic).strip().lower()


def is_off_topic(example: Example) -> bool:
    """Whether the data itself marks an example as about something else, by topic or tag."""
    return OFF_TOPIC in {files.slug(label) for label in (example.topic, *example.tags)}


def _free_folder(workspace: Workspace, run: Run) -> Path:
    """The bot's place: named as its run, with a further number where a removed run's bot has that name."""
    folder, number = workspace.bots / run.id, 2
    while folder.exists():
        folder, number = workspace.bots / f"{run.id}-{number}", number + 1
    return folder


def _as_judged(example: Example) -> str:
    """The question as the topic rail would judge it: with the turn before it where it cannot stand alone."""
    history = [{"role": turn.role, "content": turn.content} for turn in example.history]
    return judged_text(example.instruction, history)


def _write(
    folder: Path,
    values: dict[str, Any],
    policy: Policy,
    index: topic_index.TopicIndex | None,
    trained: tuple[Path, dict[str, Any]] | None,
) -> None:
    """Writes a bot beside its place and renames it, so that a bot that can be seen is whole."""
    # Not among the bots: whoever lists them must not see half of one.
    beside = Path(tempfile.mkdtemp(prefix=".bot-", dir=folder.parent.parent))
    if trained is not None:
        made, training = trained
        shutil.copytree(made, beside / made.name)
        files.write_json(beside / "training.json", training)
    if index is not None:
        index.save(beside)
    policies.save(policy, beside / "policy.toml")
    created = datetime.now(UTC).isoformat(timespec="seconds")
    files.write_json(
        beside / "bot.json", {"format": FORMAT, **values, "decoding": asdict(Decoding()), "created_at": created}
    )
    # mkdtemp's folders are for their owner alone; a bot is as readable as the rest of the workspace.
    beside.chmod(0o755)
    try:
        os.rename(beside, folder)
    except OSError:
        shutil.rmtree(beside)
        # Another thread or process made the same bot in the meantime: theirs is as good.
        if not (folder / "bot.json").is_file():
            raise
