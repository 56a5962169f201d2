"""The model card of an exported adapter: what it is, how it was made, what was measured, what it is not for."""

import json
from dataclasses import fields
from typing import Any

from engine.errors import NotFound
from engine.evaluation import evaluations
from engine.evaluation.compare import METRICS, RATING
from engine.evaluation.evaluations import Evaluation
from engine.evaluation.report import Report
from engine.models.catalogue import STARTER, ModelInfo
from engine.models.structured import Schema
from engine.serving.bots import Bot
from engine.training.recipes.recipe import Recipe
from engine.workspace import Workspace

SMALL = 100_000_000

LOAD = """\
```python
from pathlib import Path

from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

adapter = Path("{here}")  # the folder that holds this file
base = {base}

tokenizer = AutoTokenizer.from_pretrained(base)
model = AutoModelForCausalLM.from_pretrained(base, dtype="auto")
model = PeftModel.from_pretrained(model, adapter).eval()

messages = {messages}
prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", return_dict=True)
answer = model.generate(**prompt, {decoding})
print(tokenizer.decode(answer[0, prompt["input_ids"].shape[1] :], skip_special_tokens=True))
```
"""


def evaluation_of(workspace: Workspace, bot: Bot) -> Evaluation | None:
    """The newest finished evaluation of this bot or of the run it comes from; None if there is none."""
    for evaluation in evaluations.list_evaluations(workspace):
        names = {system.name for system in evaluation.systems}
        if names & {bot.id, bot.run} and evaluation.status.state in ("done", "stopped"):
            return evaluation
    return None


def measured(workspace: Workspace, bot: Bot) -> tuple[str, Report] | None:
    """What the newest evaluation found of this bot, and the bot's name in it; None if it was not measured."""
    evaluation = evaluation_of(workspace, bot)
    if evaluation is None:
        return None
    name = next(system.name for system in evaluation.systems if system.name in (bot.id, bot.run))
    try:
        return name, evaluations.report(workspace, evaluation.id)
    except NotFound:
        # Stopped before anything was scored.
        return None


def write_card(bot: Bot, base: ModelInfo, scores: tuple[str, Report] | None) -> str:
    """The card as Markdown, with the front matter that Hugging Face reads."""
    sections = [
        _front_matter(base),
        f"# {bot.name}\n\n{_summary(bot, base)}",
        f"## How to use it\n\n{_use(bot, base)}",
        *([f"## The form of its answers\n\n{_form(bot.decoding.schema)}"] if bot.decoding.schema is not None else []),
        f"## How it was trained\n\n{_training(bot)}",
        f"## What was measured\n\n{_scores(scores)}",
        f"## What it is for, and what not\n\n{_limits(bot, base)}",
        "## Files\n\n`SHA256SUMS` lists every file (`sha256sum -c SHA256SUMS` checks them); `manifest.json` "
        "says the same for programs. `policy.toml` is what the bot refused in the studio. The adapter alone does not "
        "refuse anything: that is done by Tunedesk's server (`tunedesk serve`).",
    ]
    return "\n\n".join(sections) + "\n"


def _front_matter(base: ModelInfo) -> str:
    model = "base" if base.id == STARTER else base.name
    return f"---\nlicense: {base.license}\nbase_model: {model}\nlibrary_name: peft\npipeline_tag: text-generation\n---"


def _summary(bot: Bot, base: ModelInfo) -> str:
    parameters = f"{base.parameters / 1e6:,.1f} million parameters"
    where = (
        "The base model is in the folder `base/`, so that this folder is all you need."
        if base.id == STARTER
        else f"The base model is not included: get {base.name} from where you had it, the same edition "
        f"({base.bytes:,} bytes of weights), and give its folder below."
    )
    return (
        f"A LoRA adapter (PEFT) that answers customers. It was trained with Tunedesk on version {bot.version} of the "
        f"examples (SHA-256 {bot.version_hash}) over {_called(base)}, {parameters}. {where}"
    )


def _called(base: ModelInfo) -> str:
    return "Tunedesk's starter model" if base.id == STARTER else base.name


def _use(bot: Bot, base: ModelInfo) -> str:
    messages: list[dict[str, str]] = [{"role": "user", "content": "Where is my order?"}]
    if bot.system:
        messages.insert(0, {"role": "system", "content": bot.system})
    decoding = [f"max_new_tokens={bot.decoding.max_new_tokens}"]
    if bot.decoding.temperature > 0:
        decoding += ["do_sample=True", f"temperature={bot.decoding.temperature}", f"top_p={bot.decoding.top_p}"]
    else:
        decoding.append("do_sample=False")
    if bot.decoding.repetition_penalty != 1.0:
        decoding.append(f"repetition_penalty={bot.decoding.repetition_penalty}")
    folder = 'adapter / "base"' if base.id == STARTER else f'Path("path/to/{base.path.name}")'
    code = LOAD.format(here=".", base=folder, messages=messages, decoding=", ".join(decoding))
    return f"With `pip install torch transformers peft`, and nothing of Tunedesk:\n\n{code}".rstrip()


def _form(schema: Schema) -> str:
    return (
        "Behind Tunedesk's server every answer is JSON that fits this schema. The adapter alone is not held to it: "
        f"that takes constrained decoding.\n\n```json\n{json.dumps(schema, ensure_ascii=False, indent=2)}\n```"
    )


def _training(bot: Bot) -> str:
    recipe: dict[str, Any] = bot.training.get("recipe", {})
    result: dict[str, Any] = bot.training.get("result", {})
    words = {each.name: each.metadata["label"] for each in fields(Recipe)}
    rows = {words[name]: value for name, value in recipe.items() if name in words}
    made = {
        "examples": "Examples",
        "steps": "Steps",
        "train_loss": "Training loss",
        "validation_loss": "Validation loss",
    }
    rows |= {word: result[name] for name, word in made.items() if name in result}
    lines = ["| setting | value |", "|---|---|", *(f"| {word} | {_value(value)} |" for word, value in rows.items())]
    return "Supervised fine-tuning (Unsloth, TRL), loss on the answers only.\n\n" + "\n".join(lines)


def _value(value: Any) -> str:
    if value is None:
        return "automatic"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _scores(scores: tuple[str, Report] | None) -> str:
    if scores is None:
        return "Nothing yet. Nobody knows how good it is until it was measured on questions it was not trained on."
    name, report = scores
    lines = ["| system | measure | mean | 95% interval | questions |", "|---|---|---|---|---|"]
    for system, metrics in report.systems.items():
        label = f"**{report.labels[system]}**" if system == name else report.labels[system]
        for metric, found in metrics.items():
            words = METRICS.get(metric, RATING).label
            lines.append(f"| {label} | {words} | {found.value:.2f} | {found.low:.2f} to {found.high:.2f} | {found.n} |")
    notes = [f"- {note}" for note in report.notes]
    return "\n".join([report.verdict, "", *lines, *(["", *notes] if notes else [])])


def _limits(bot: Bot, base: ModelInfo) -> str:
    topics = ", ".join(bot.policy.topic.topics)
    lines = [
        f"- For answering customers' questions about: {topics}." if topics else "- For answering customers' questions.",
        "- It can state wrong facts, prices and dates in a sure voice. Have a person read what matters, or check "
        "answers against documents.",
        "- It knows what its examples said at the time. Facts that change often do not belong into a fine-tuned model.",
        "- It was not tested against people who try to misuse it.",
    ]
    if base.parameters <= SMALL:
        lines.append(
            f"- Its base is very small ({base.parameters / 1e6:.1f} million parameters): it repeats the kind of "
            "answers it was shown, and cannot reason, calculate or speak other languages than English."
        )
    return "\n".join(lines)
