"""Planted faults, each found and nothing else beside it; sound set-ups, of which nothing is said."""

import csv
import json
import shutil
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine import files, hardware
from engine.data import freezing, review
from engine.data.examples import Example, Turn, history_json
from engine.data.sources import import_sample
from engine.data.sources.sample import FOLDER as SAMPLE
from engine.data.versions import get_version
from engine.hardware import GIB, Gpu, Machine, nvidia_gpus
from engine.models import catalogue
from engine.models.loading import load_tokenizer
from engine.models.tokens import ChatTokenizer
from engine.training import outlook, runs
from engine.training.checks.machine import check_gpu
from engine.training.checks.preflight import Finding, mended, preflight, refuse
from engine.training.methods.rows import make_rows
from engine.training.recipes.recipe import Recipe, ready
from engine.workspace import Workspace, open_workspace
from tests.engine.models.tiny import TEMPLATE, make_tiny

LAPTOP = Machine(4, 16 * GIB, 12 * GIB, 100 * GIB, "Linux", "3.12", ())
CARD = Gpu("NVIDIA RTX 4090", 24 * GIB)
BALANCED = ready("balanced")
TURN = "<|{{ message['role'] }}|>{{ message['content'] }}<|end|>"


def tickets(count: int = 80) -> list[Example]:
    """The sample shop's first tickets."""
    with (SAMPLE / "tickets.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["question"].strip() and row["answer"].strip()]
    return [
        Example(place, row["question"], row["answer"], topic=row["topic"], conversation=row["ticket_id"])
        for place, row in enumerate(rows[:count])
    ]


def frozen(workspace: Workspace, examples: list[Example], name: str = "first", **shares: float) -> Workspace:
    """Freezes examples alone as a version."""
    with workspace.database.transaction() as cursor:
        cursor.execute("UPDATE examples SET status = 'trashed'")
        cursor.executemany(
            "INSERT INTO examples (conversation, instruction, input, output, history, topic, worse) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            [
                [
                    *(each.conversation, each.instruction, each.input, each.output),
                    *(history_json(each.history), each.topic, each.worse),
                ]
                for each in examples
            ],
        )
    freezing.freeze(workspace, name, confirm=review.CONFIRMATION, **shares)
    return workspace


@dataclass
class Plan:
    """A set-up that is sound until a fault is planted in it."""

    folder: Path
    base: str
    examples: list[Example] = field(default_factory=tickets)
    recipe: Recipe = BALANCED
    version: str | None = None
    begin: str | None = None
    machine: Machine = LAPTOP
    after: Callable[[Workspace], object] = lambda _: None
    """what is done to the workspace once the version is frozen"""
    shares: dict[str, float] = field(default_factory=dict)

    def look(self) -> list[Finding]:
        workspace = open_workspace(self.folder / "workspace")
        try:
            frozen(workspace, self.examples, **self.shares)
            self.after(workspace)
            return preflight(workspace, self.version, self.base, self.recipe, self.begin, on=self.machine)
        finally:
            workspace.close()


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with room for real tickets."""
    return make_tiny(tmp_path_factory.mktemp("wide") / "tiny", context=2048)


@pytest.fixture
def plan(tmp_path: Path, wide: Path) -> Plan:
    return Plan(tmp_path, str(wide))


def with_template(plan: Plan, template: str) -> None:
    """Gives the base another chat template."""
    folder = shutil.copytree(plan.base, plan.folder / "templated")
    (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    plan.base = str(folder)


def changed(plan: Plan, name: str, **values: Any) -> Path:
    """Changes a JSON file of the base, a copy; None takes a value out."""
    folder = shutil.copytree(plan.base, plan.folder / "changed")
    saved = json.loads((folder / name).read_text()) | values
    (folder / name).write_text(json.dumps({key: value for key, value in saved.items() if value is not None}))
    plan.base = str(folder)
    return folder


def every(plan: Plan, **values: Any) -> None:
    """Gives all examples these values."""
    plan.examples = [replace(example, **values) for example in plan.examples]


# The planted faults. What each does stands in its name, which is the finding's.


def no_pad_token(plan: Plan) -> None:
    plan.base = str(make_tiny(plan.folder / "unpadded", pad=False, context=2048))


def no_chat_template(plan: Plan) -> None:
    plan.base = str(make_tiny(plan.folder / "bare", template=None, context=2048))


def no_end_token(plan: Plan) -> None:
    changed(plan, "tokenizer_config.json", eos_token=None)


def tokenizer_damaged(plan: Plan) -> None:
    (changed(plan, "config.json") / "tokenizer.json").write_text('{"version": "1.0"')


def template_fails(plan: Plan) -> None:
    with_template(plan, "{{ raise_exception('Only tools may speak') }}")


def no_generation_prompt(plan: Plan) -> None:
    with_template(plan, TEMPLATE.partition("{% if add_generation_prompt")[0])


def template_drops_context(plan: Plan) -> None:
    with_template(plan, TEMPLATE.replace(TURN, f"{{% if message['role'] != 'system' %}}{TURN}{{% endif %}}"))
    every(plan, input="Returns are open for 14 days.")


def template_drops_turns(plan: Plan) -> None:
    with_template(plan, TEMPLATE.replace("in messages %}", "in messages[-2:] %}"))
    every(plan, history=(Turn("user", "Hello"), Turn("assistant", "Good day, how can I help you?")))


def template_drops_question(plan: Plan) -> None:
    with_template(plan, TEMPLATE.replace("message['content']", "message['content'] if loop.last else ''"))


def template_refuses(plan: Plan) -> None:
    refusal = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('No system role') }}{% endif %}"
    with_template(plan, refusal + TEMPLATE)
    plan.examples[3] = replace(plan.examples[3], input="Returns are open for 14 days.")
    plan.shares = {"golden": 0.0, "validation": 0.0}


def question_learned(plan: Plan) -> None:
    with_template(plan, "{{ '<|system|>' if messages[-1]['role'] == 'assistant' else '' }}" + TEMPLATE)


def end_is_text(plan: Plan) -> None:
    with_template(plan, TEMPLATE.replace("<|end|>", "<|im_end|>"))


def no_end_written(plan: Plan) -> None:
    with_template(plan, TEMPLATE.replace("<|end|>", "{{ '' if message['role'] == 'assistant' else '<|end|>' }}"))


def labels_masked(plan: Plan) -> None:
    with_template(plan, TEMPLATE.replace(TURN, f"{{% if message['role'] != 'assistant' %}}{TURN}{{% endif %}}"))


def answers_cut(plan: Plan) -> None:
    long = plan.examples[0].output * 8
    plan.examples[::8] = [replace(example, output=long) for example in plan.examples[::8]]


def turns_lost(plan: Plan) -> None:
    told = Turn("user", plan.examples[0].output * 4), Turn("assistant", plan.examples[1].output * 4)
    plan.examples[::8] = [replace(example, history=told) for example in plan.examples[::8]]


def questions_fill_context(plan: Plan) -> None:
    long = plan.examples[0].output * 9
    plan.examples[::8] = [replace(each, instruction=each.instruction + long) for each in plan.examples[::8]]


def empty_answers(plan: Plan) -> None:
    plan.examples[5:15] = [replace(example, output=" ") for example in plan.examples[5:15]]


def few_examples(plan: Plan) -> None:
    plan.examples = plan.examples[:40]


def few_steps(plan: Plan) -> None:
    plan.recipe = replace(BALANCED, epochs=1.0)


def many_epochs(plan: Plan) -> None:
    plan.recipe = replace(BALANCED, epochs=50.0)


def learning_rate_low(plan: Plan) -> None:
    plan.recipe = replace(BALANCED, learning_rate=2e-4)


def learning_rate_high(plan: Plan) -> None:
    plan.recipe = replace(BALANCED, learning_rate=0.05)


def no_validation(plan: Plan) -> None:
    plan.recipe, plan.shares = replace(BALANCED, patience=3), {"validation": 0.0}


def golden_learned(plan: Plan) -> None:
    def copy(workspace: Workspace) -> None:
        learned = pq.read_table(get_version(workspace).path, filters=[("split", "=", "train")]).to_pylist()
        near = max((row["instruction"] for row in learned), key=len) + " Thanks!"
        with workspace.database.transaction() as cursor:
            cursor.execute("INSERT INTO golden_questions (question, answer) VALUES (?, 'x')", [near])

    plan.after = copy


def validation_learned(plan: Plan) -> None:
    def copy(workspace: Workspace) -> None:
        path = get_version(workspace).path
        rows = pq.read_table(path)
        splits, asked = rows["split"].to_pylist(), rows["instruction"].to_pylist()
        asked[splits.index("validation")] = asked[splits.index("train")].upper()
        place = rows.column_names.index("instruction")
        pq.write_table(rows.set_column(place, rows.field(place), pa.array(asked, rows.field(place).type)), path)

    plan.after = copy


def answers_alike(plan: Plan) -> None:
    plan.examples[:60] = [replace(each, output="I am sorry, I cannot answer this.") for each in plan.examples[:60]]


def one_topic(plan: Plan) -> None:
    every(plan, topic="Returns")
    plan.examples[0] = replace(plan.examples[0], topic="Delivery")
    plan.shares = {"golden": 0.0, "validation": 0.0}


def other_language(plan: Plan) -> None:
    german = (
        "Guten Tag, bitte senden Sie die Ware innerhalb von zwei Wochen zurück, dann erstatten wir Ihnen den Preis."
    )
    plan.examples[::4] = [replace(each, output=f"{german} Frage {each.id}.") for each in plan.examples[::4]]


def no_pairs(plan: Plan) -> None:
    plan.recipe = replace(BALANCED, method="dpo")


def pairs_alike(plan: Plan) -> None:
    with_worse(plan)
    plan.examples[5:15] = [replace(each, worse=each.output.upper()) for each in plan.examples[5:15]]


def with_worse(plan: Plan) -> None:
    plan.recipe = replace(BALANCED, method="dpo", epochs=4.0)
    plan.examples = tickets(100)
    every(plan, worse="Please look at our website, everything stands there.")


def pairs_too_long(plan: Plan) -> None:
    with_worse(plan)
    long = plan.examples[0].output * 9
    plan.examples[::8] = [replace(each, worse=long) for each in plan.examples[::8]]


def few_topics(plan: Plan) -> None:
    plan.recipe = replace(BALANCED, method="classifier")
    every(plan, topic="")


def lone_topics(plan: Plan) -> None:
    two_topics(plan)
    plan.shares = {"golden": 0.0, "validation": 0.0}
    plan.examples[0] = replace(plan.examples[0], topic="Gift cards")


def two_topics(plan: Plan) -> None:
    plan.recipe = replace(BALANCED, method="classifier")
    plan.examples = [replace(each, topic="Delivery" if each.id < 40 else "Returns") for each in plan.examples]


def quantized_without_gpu(plan: Plan) -> None:
    plan.recipe = replace(BALANCED, quantized=True)


def quantized_classifier(plan: Plan) -> None:
    two_topics(plan)
    plan.recipe = replace(plan.recipe, quantized=True)
    plan.machine = replace(LAPTOP, gpus=(CARD,))


def gpu_busy(plan: Plan) -> None:
    plan.machine = replace(LAPTOP, gpus=(replace(CARD, used=9 * GIB),))


def disk_full(plan: Plan) -> None:
    plan.machine = replace(LAPTOP, disk_free=40_000_000)


def base_missing(plan: Plan) -> None:
    plan.base = str(plan.folder / "nowhere")


def base_damaged(plan: Plan) -> None:
    weights = changed(plan, "config.json") / "model.safetensors"
    weights.write_bytes(struct.pack("<Q", 1 << 40) + weights.read_bytes()[8:])


def base_cut_off(plan: Plan) -> None:
    weights = changed(plan, "config.json") / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])


def weights_not_safetensors(plan: Plan) -> None:
    folder = changed(plan, "config.json")
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def former(rank: int = 16, alpha: int = 32, width: int = 32) -> Callable[[Workspace], None]:
    """Puts a finished run into the workspace whose adapter has this shape."""

    def put(workspace: Workspace) -> None:
        folder = workspace.runs / "former"
        adapter = folder / "adapter"
        adapter.mkdir(parents=True)
        modules = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
        files.write_json(adapter / "adapter_config.json", {"r": rank, "lora_alpha": alpha, "target_modules": modules})
        name = "base_model.model.model.layers.1.self_attn.q_proj.lora_A.weight"
        header = json.dumps({name: {"dtype": "F32", "shape": [rank, width], "data_offsets": [0, 4 * rank * width]}})
        body = struct.pack("<Q", len(header)) + header.encode() + bytes(4 * rank * width)
        (adapter / "adapter_model.safetensors").write_bytes(body)
        version = get_version(workspace)
        shutil.copyfile(version.path, folder / "data.parquet")
        files.write_json(folder / "recipe.json", BALANCED.to_json())
        (base,) = (folder.parent.parent.parent / "base.txt").read_text().splitlines()
        files.write_json(
            folder / "run.json",
            {
                "format": runs.FORMAT,
                "name": "Former",
                "version": version.name,
                "version_hash": version.hash,
                "base": base,
                "begin": "",
                "created_at": 0.0,
            },
        )

    return put


def going_on(plan: Plan, **shape: int) -> None:
    (plan.folder / "base.txt").write_text(plan.base)
    plan.begin, plan.after = "former", former(**shape)


def adapter_shape(plan: Plan) -> None:
    going_on(plan, rank=8)


def adapter_of_another_model(plan: Plan) -> None:
    going_on(plan, width=64)


def adapter_strength(plan: Plan) -> None:
    going_on(plan, alpha=16)


def cannot_go_on(plan: Plan) -> None:
    going_on(plan)
    plan.recipe = replace(BALANCED, method="full")


def no_version(plan: Plan) -> None:
    plan.version = "nowhere"


STOPS = (
    *(no_chat_template, no_end_token, tokenizer_damaged, template_fails, template_drops_question, template_refuses),
    *(labels_masked, no_pairs, few_topics, quantized_without_gpu, quantized_classifier, disk_full, base_missing),
    *(base_damaged, base_cut_off, weights_not_safetensors, adapter_shape, adapter_of_another_model, cannot_go_on),
    no_version,
)
WARNS = (
    *(no_generation_prompt, template_drops_context, template_drops_turns, question_learned, end_is_text, answers_cut),
    *(turns_lost, questions_fill_context, empty_answers, few_examples, few_steps, many_epochs, learning_rate_low),
    *(learning_rate_high, no_validation, golden_learned, validation_learned, answers_alike, one_topic, other_language),
    *(pairs_alike, pairs_too_long, lone_topics, gpu_busy, adapter_strength),
)
MENDED = (no_pad_token, no_end_written)
NAMES = {"base_cut_off": "base_damaged", "adapter_of_another_model": "adapter_shape"}
"""Where two faults are told by one finding."""


@pytest.mark.parametrize("plant", [*STOPS, *WARNS, *MENDED], ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_found_and_nothing_else(plant: Callable[[Plan], None], plan: Plan) -> None:
    plant(plan)

    found = plan.look()

    severity = "stops" if plant in STOPS else "warns" if plant in WARNS else "mended"
    name = NAMES.get(plant.__name__, plant.__name__)
    assert [(finding.kind, finding.severity) for finding in found] == [(name, severity)], found
    assert all((finding.title, finding.message, finding.remedy) for finding in found)


MENDABLE = (
    *(answers_cut, turns_lost, questions_fill_context, few_steps, many_epochs, learning_rate_low, learning_rate_high),
    *(no_pairs, few_topics, quantized_without_gpu, quantized_classifier, pairs_too_long, adapter_shape),
    adapter_strength,
)


@pytest.mark.parametrize("plant", MENDABLE, ids=lambda plant: plant.__name__)
def test_one_press_cures_it(plant: Callable[[Plan], None], plan: Plan) -> None:
    plant(plan)
    workspace = frozen(open_workspace(plan.folder / "workspace"), plan.examples, **plan.shares)
    plan.after(workspace)
    (finding,) = preflight(workspace, None, plan.base, plan.recipe, plan.begin, on=plan.machine)

    cured = mended(plan.recipe, finding)

    assert cured != plan.recipe
    assert preflight(workspace, None, plan.base, cured, plan.begin, on=plan.machine) == []
    workspace.close()


def test_another_version_is_proposed_where_it_has_not_the_fault(plan: Plan) -> None:
    no_pairs(plan)
    workspace = frozen(open_workspace(plan.folder / "workspace"), plan.examples)
    with_worse(plan)
    frozen(workspace, plan.examples, "pairs")

    (finding,) = preflight(workspace, "first", plan.base, plan.recipe, on=LAPTOP)

    assert (finding.kind, finding.mend) == ("no_pairs", {"version": "pairs"})
    assert mended(plan.recipe, finding) == plan.recipe
    assert preflight(workspace, "pairs", plan.base, plan.recipe, on=LAPTOP) == []
    workspace.close()


# Chat templates in the forms that today's families of models have; their words are tokens of the tiny model, or added.

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LLAMA = (
    "{{ bos_token }}{% for message in messages %}<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n"
    "{{ message['content'] | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
# No system role of its own, and nothing that says that an answer comes but the end of the question.
MISTRAL = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{% set told = messages[0]['content'] + '\n\n' %}"
    "{% set talk = messages[1:] %}{% else %}{% set told = '' %}{% set talk = messages %}{% endif %}"
    "{% for message in talk %}{% if message['role'] == 'user' %}[INST] {{ told if loop.last or loop.length == 2 }}"
    "{{ message['content'] }}[/INST]{% else %} {{ message['content'] }}{{ eos_token }}{% endif %}{% endfor %}"
)
# Thinks, and writes an empty thought before the last answer alone.
QWEN = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['role'] == 'assistant' and loop.last %}<think>\n\n</think>\n\n{% endif %}"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# Calls the assistant otherwise, and refuses a system message.
GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('No system role') }}{% endif %}"
    "{% for message in messages %}<start_of_turn>{{ 'model' if message['role'] == 'assistant' else 'user' }}\n"
    "{{ message['content'] }}<end_of_turn>\n{% endfor %}{% if add_generation_prompt %}<start_of_turn>model\n{% endif %}"
)


def of_family(plan: Plan, template: str, end: str, *others: str, unspecial: tuple[str, ...] = ()) -> None:
    """Gives the base a family's template and its tokens."""
    with_template(plan, template)
    folder = Path(plan.base)
    saved = json.loads((folder / "tokenizer.json").read_text())
    known = max(saved["model"]["vocab"].values())
    for number, token in enumerate((end, *others, *unspecial), known + 1):
        added = {"id": number, "content": token, "special": token not in unspecial}
        flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
        saved["added_tokens"].append(added | flags)
    (folder / "tokenizer.json").write_text(json.dumps(saved))
    config = json.loads((folder / "tokenizer_config.json").read_text()) | {"eos_token": end}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def chatml(plan: Plan) -> None:
    of_family(plan, CHATML, "<|im_end|>", "<|im_start|>")
    every(plan, input="Returns are open for 14 days.", history=(Turn("user", "Hi"), Turn("assistant", "Good day.")))


def llama(plan: Plan) -> None:
    of_family(plan, LLAMA, "<|eot_id|>", "<|start_header_id|>", "<|end_header_id|>")
    plan.recipe = ready("careful")


def mistral(plan: Plan) -> None:
    of_family(plan, MISTRAL, "</s>", "[INST]", "[/INST]")
    every(plan, input="Returns are open for 14 days.")


def qwen(plan: Plan) -> None:
    of_family(plan, QWEN, "<|im_end|>", "<|im_start|>", unspecial=("<think>", "</think>"))


def gemma(plan: Plan) -> None:
    of_family(plan, GEMMA, "<end_of_turn>", "<start_of_turn>")
    every(plan, history=(Turn("user", "Hi"), Turn("assistant", "Good day.")))


def preferences(plan: Plan) -> None:
    with_worse(plan)


def going_on_from_a_run(plan: Plan) -> None:
    going_on(plan)


def four_bits_on_a_card(plan: Plan) -> None:
    plan.recipe = replace(BALANCED, quantized=True)
    plan.machine = replace(LAPTOP, gpus=(replace(CARD, used=GIB // 2),))


SOUND = (chatml, llama, mistral, qwen, gemma, preferences, going_on_from_a_run, four_bits_on_a_card)


@pytest.mark.parametrize("change", SOUND, ids=lambda change: change.__name__)
def test_nothing_is_said_of_a_sound_set_up(change: Callable[[Plan], None], plan: Plan) -> None:
    change(plan)

    assert plan.look() == []


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """The sample shop as its first run learns from it, messy as it is, with its golden questions."""
    workspace = open_workspace(tmp_path_factory.mktemp("shop") / "workspace")
    import_sample(workspace)
    freezing.freeze(workspace, "first", confirm=review.CONFIRMATION)
    yield workspace
    workspace.close()


@pytest.mark.parametrize(
    "recipe",
    [
        ready("quick"),
        BALANCED,
        ready("careful"),
        replace(BALANCED, method="full"),
        replace(ready("quick"), method="classifier"),
    ],
    ids=["quick", "balanced", "careful", "all weights", "topics"],
)
def test_nothing_is_said_of_the_sample_shop_on_the_starter(recipe: Recipe, shop: Workspace) -> None:
    found = preflight(shop, None, catalogue.STARTER, recipe, on=LAPTOP)

    assert [finding for finding in found if finding.severity != "mended"] == []


def test_what_others_hold_of_a_gpu_is_read_from_its_own_tool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 'NVIDIA H100 80GB HBM3, 81559, 9216'\necho 'NVIDIA GB10, [N/A], [N/A]'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    card, shared = nvidia_gpus()

    assert card == Gpu("NVIDIA H100 80GB HBM3", 81559 * 1024**2, 9 * GIB)
    assert (shared.name, shared.used) == ("NVIDIA GB10", 0)
    assert shared.memory > 0
    assert [each.kind for each in check_gpu(replace(LAPTOP, gpus=(card,)))] == ["gpu_busy"]
    assert list(check_gpu(replace(LAPTOP, gpus=(shared,)))) == []


def test_a_look_asks_for_the_gpus_once(plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = frozen(open_workspace(plan.folder / "workspace"), plan.examples)
    # Remembered for as long as this process lives, and so not to be of the machine that comes now.
    hardware.name()
    tool, asked = tmp_path / "nvidia-smi", tmp_path / "asked"
    tool.write_text(f"#!/bin/sh\necho asked >> {asked}\necho 'NVIDIA H100 80GB HBM3, 81559, 9216'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    found = outlook.look(workspace, None, plan.base, plan.recipe)

    assert "gpu_busy" in [finding.kind for finding in found.findings]
    assert found.expected is not None
    assert asked.read_text().split() == ["asked"]
    workspace.close()


def test_what_cannot_work_is_refused(plan: Plan) -> None:
    few_examples(plan)
    disk_full(plan)
    found = plan.look()

    assert [finding.severity for finding in found] == ["stops", "warns"], "the gravest first"
    with pytest.raises(Exception, match="too little room") as refusal:
        refuse(found)
    assert refusal.value.remedy == found[0].remedy  # type: ignore[attr-defined]
    refuse(found[1:])


@pytest.mark.parametrize("base", ["tiny", "starter"])
def test_it_looks_at_the_very_rows_of_the_training(base: str, wide: Path) -> None:
    info = catalogue.resolve("starter" if base == "starter" else str(wide))
    examples = [replace(each, input="Open for 14 days.") if each.id % 2 else each for each in tickets(20)]
    theirs = load_tokenizer(info)
    stop_ids = [theirs.eos_token_id]

    assert make_rows(examples, ChatTokenizer(info.path), stop_ids, 200) == make_rows(examples, theirs, stop_ids, 200)


def test_the_terminal_says_it_and_starts_nothing(plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    from engine.cli import main

    workspace = frozen(open_workspace(plan.folder / "workspace"), plan.examples)
    workspace.close()
    where = ["--workspace", str(workspace.root), "--base", plan.base]

    assert main(["train", "--check", *where, "--set", "learning_rate=0.05"]) == 0
    assert "--set learning_rate=auto" in capsys.readouterr().out
    assert main(["train", "--check", "--json", *where, "--method", "dpo"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert (told["can_start"], told["findings"][0]["kind"]) == (False, "no_pairs")
    assert main(["train", *where, "--method", "dpo"]) == 1
    assert "nothing to prefer" in capsys.readouterr().err
    assert not list(workspace.runs.iterdir())
