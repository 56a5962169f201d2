"""A workspace in a temporary folder, a real model so small that it answers at once, and a run with an adapter of it."""

import hashlib
import json
import time
from pathlib import Path

import pytest

from engine import files
from engine.data import freezing
from engine.data.versions import Version
from engine.workspace import Workspace

TEMPLATE = (
    "{% for message in messages %}<{{ message.role }}>{{ message.content }}<end>{% endfor %}"
    "{% if add_generation_prompt %}<assistant>{% endif %}"
)
TOPICS = ("orders", "returns", "delivery", "payments")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of random weights with 20,000 parameters over single bytes, as a model folder."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    folder = tmp_path_factory.mktemp("models") / "tiny"
    special = ["<pad>", "<end>", "<user>", "<assistant>", "<system>"]
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: number for number, token in enumerate([*special, *letters])}
    bytes_alone = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    bytes_alone.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_alone.decoder = decoders.ByteLevel()
    bytes_alone.add_special_tokens(special)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bytes_alone, eos_token="<end>", pad_token="<pad>")
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=512,
        eos_token_id=vocabulary["<end>"],
        pad_token_id=vocabulary["<pad>"],
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture
def version(workspace: Workspace) -> Version:
    """Sixty examples in four topics, frozen: 48 to learn from, 6 for validation, 6 golden."""
    with workspace.database.transaction() as cursor:
        for number in range(60):
            topic = TOPICS[number % 4]
            # No two alike, so that none is held to be another with a word changed.
            question = f"{topic} {hashlib.sha256(bytes([number])).hexdigest()[:40]}?"
            cursor.execute(
                "INSERT INTO examples (conversation, instruction, output, topic) VALUES (?, ?, ?, ?)",
                [f"c{number}", question, f"For {topic}, number {number} is fine.", topic],
            )
    return freezing.freeze(workspace, "first")


@pytest.fixture
def run(workspace: Workspace, version: Version, tiny_model: Path) -> str:
    """The id of a finished run: the tiny model with an adapter that changes what it says."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    folder = workspace.runs / files.new_id("quick try", workspace.runs)
    torch.manual_seed(1)
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(tiny_model), LoraConfig(r=4, init_lora_weights=False))
    model.save_pretrained(folder / "adapter")
    (folder / "data.parquet").write_bytes(version.path.read_bytes())
    files.write_json(
        folder / "run.json",
        {
            "format": 1,
            "name": "Quick try 1",
            "version": version.name,
            "version_hash": version.hash,
            "base": str(tiny_model),
            "created_at": time.time(),
        },
    )
    return folder.name


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """A file of eight golden questions with tags and facts."""
    path = tmp_path / "golden.jsonl"
    lines = [
        {
            "question": f"Where is parcel {number}?",
            "answer": f"Parcel {number} arrives on day {number}.",
            "tags": ["edge case" if number % 2 else "common"],
            "must_say": [f"day {number}"] if number < 5 else [],
            "must_not_say": ["never"],
        }
        for number in range(8)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path
