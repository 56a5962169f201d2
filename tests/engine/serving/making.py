"""Makes a workspace with a bot quickly: a small business of our own, and an adapter that nobody trained.

The adapter's numbers are drawn, so that the bot answers differently from its base; what it says is nonsense, and that
it says the same everywhere is what is tested.
"""

import json
import shutil
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

from engine import files
from engine.data.examples import Example, Turn
from engine.data.freezing import freeze
from engine.data.sources.sample import BUSINESS
from engine.data.versions import get_version
from engine.models import catalogue
from engine.serving import bots
from engine.serving.bots import Bot
from engine.training import runs
from engine.training.recipes.recipe import LAYERS, RECIPES
from engine.training.runs import Run
from engine.workspace import Workspace, open_workspace

REFUSAL = "I can only help with our bicycles."
THINGS = ("city bike", "child seat", "helmet", "bell", "front light", "lock", "tyre", "saddle")
ASKED = (
    ("Orders", "Where is the {} I ordered last week?", "Your {} is on its way."),
    ("Orders", "Can I still change my order of a {}?", "You can change the {} until it is packed."),
    ("Returns", "How do I send the {} back?", "Send the {} back within 30 days."),
    ("Repairs", "The {} is broken, do you repair it?", "We repair your {} within a week."),
    ("Prices", "How much does a {} cost?", "You find the price of the {} in the shop."),
)
OFF_TOPIC = ("Can you help me with my tax return?", "Sing me a song about summer.")


def examples() -> list[Example]:
    """42 questions of a bicycle shop; two are marked as off-topic, one is a follow-up."""
    asked = [
        Example(0, question.format(thing), answer.format(thing), topic=topic)
        for topic, question, answer in ASKED
        for thing in THINGS
    ]
    asked += [Example(0, question, REFUSAL, topic="Off-topic") for question in OFF_TOPIC]
    earlier = (Turn("user", "How much does a helmet cost?"), Turn("assistant", "You find it in the shop."))
    return [*asked, Example(0, "and the small one?", "It costs the same.", history=earlier, topic="Prices")]


def make_workspace(root: Path) -> Workspace:
    """A workspace with the shop's examples frozen as version "first"."""
    workspace = open_workspace(root, "a test")
    with workspace.database.transaction() as cursor:
        cursor.execute("INSERT INTO settings VALUES (?, ?)", [BUSINESS, json.dumps({"refusal": REFUSAL})])
        for number, example in enumerate(examples()):
            history = json.dumps([{"role": turn.role, "content": turn.content} for turn in example.history])
            cursor.execute(
                "INSERT INTO examples (conversation, instruction, output, topic, history) VALUES (?, ?, ?, ?, ?)",
                [f"talk-{number}", example.instruction, example.output, example.topic, history],
            )
    freeze(workspace, "first", golden=0.1, validation=0.1)
    return workspace


def make_run(workspace: Workspace, name: str = "Shop run") -> Run:
    """A finished run on version "first", without the training."""
    version = get_version(workspace, "first")
    folder = workspace.runs / files.new_id(name, workspace.runs)
    shutil.copyfile(version.path, folder / "data.parquet")
    shutil.copytree(_adapter_like(), folder / "adapter")
    files.write_json(folder / "recipe.json", RECIPES["quick"].to_json())
    files.write_json(folder / "result.json", {"state": "done", "examples": version.counts["train"], "train_loss": 1.5})
    manifest = {"format": runs.FORMAT, "name": name, "version": version.name, "version_hash": version.hash}
    files.write_json(folder / "run.json", {**manifest, "base": catalogue.STARTER, "created_at": 1000.0 + len(name)})
    return runs.get_run(workspace, folder.name)


def make_bot(root: Path) -> tuple[Workspace, Bot]:
    """A workspace with one trained bot."""
    workspace = make_workspace(root)
    return workspace, bots.create_from_run(workspace, make_run(workspace))


@cache
def _adapter_like() -> Path:
    """An adapter for the starter, made once per test process."""
    import torch
    from peft import LoraConfig, get_peft_model

    from engine.models.loading import load_for_inference

    folder = Path(mkdtemp(prefix="tunedesk-adapter-"))
    torch.manual_seed(3)
    config = LoraConfig(r=8, lora_alpha=16, target_modules=list(LAYERS["all"]), task_type="CAUSAL_LM")
    model = get_peft_model(load_for_inference(catalogue.STARTER).model, config)
    for name, value in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(value, std=1.0)
    model.save_pretrained(str(folder))
    return folder
