"""The model in the box: its files, tokenizer, corpus and training, and what it says."""

import argparse
import dataclasses
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer

STARTER = Path(__file__).parents[2] / "assets" / "starter"
MODEL = STARTER / "model"
sys.path.insert(0, str(STARTER))

import blocks  # noqa: E402
import build  # noqa: E402
import card  # noqa: E402
import judging  # noqa: E402
import measure  # noqa: E402
import rebuild  # noqa: E402
import shipping  # noqa: E402
import training  # noqa: E402
from corpus import conversation  # noqa: E402
from vocabulary import load_tokenizer  # noqa: E402

TALK = [
    {
        "role": "system",
        "content": "You help customers of Lark Bikes.\n\nUse only this information:\nA visit costs $40.",
    },
    {"role": "user", "content": "  how much is a visit?  "},
    {"role": "assistant", "content": "A visit costs $40.\n\n1. Call us.\n2. Wait.\n"},
    {"role": "user", "content": "thanks"},
    {"role": "assistant", "content": "You're welcome."},
]
FOREIGN = [
    "Grüße aus Zürich, 東京 и Київ",
    "a\x00b\tc\r\n\n  d ",
    "👩‍👩‍👧 e\u0301 \u200f שלום",
    "IBAN DE89 3704 0044",
    "¿¡…—“”",
]


@pytest.fixture(scope="module")
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def copy_of_model(folder: Path) -> Path:
    """A model folder with small contents and a manifest that fits."""
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(b"weights")
    (folder / "config.json").write_text("{}", encoding="utf-8")
    shipping.write_manifest(folder, {"steps": 1})
    return folder


def test_shipped_files_are_what_the_manifest_says() -> None:
    assert shipping.check(MODEL) == []


def test_check_names_a_file_that_was_changed_added_or_lost(tmp_path: Path) -> None:
    folder = copy_of_model(tmp_path / "model")
    assert shipping.check(folder) == []
    (folder / "model.safetensors").write_bytes(b"heights")
    (folder / "notes.txt").write_text("x", encoding="utf-8")
    (folder / "config.json").unlink()
    problems = " ".join(shipping.check(folder))
    assert "model.safetensors has 7 bytes and another hash" in problems
    assert "notes.txt is not in the manifest" in problems
    assert "config.json is missing" in problems
    assert "manifest.json is missing" in shipping.check(tmp_path / "nowhere")[0]


def test_card_holds_the_figures_of_the_manifest() -> None:
    manifest = json.loads((MODEL / "manifest.json").read_text(encoding="utf-8"))
    size = (MODEL / "model.safetensors").stat().st_size
    table = card.figures(manifest["built"], manifest["measured"], size)
    assert table in (STARTER / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", FOREIGN)
def test_any_text_comes_back_from_the_tokenizer(text: str) -> None:
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text


def test_special_tokens_are_distinct_and_are_not_added_unasked() -> None:
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    ids = [tokenizer.bos_token_id, tokenizer.eos_token_id, tokenizer.pad_token_id]
    assert len(set(ids)) == 3
    assert tokenizer.model_max_length == 2048
    assert not set(tokenizer("Hello")["input_ids"]) & set(ids)
    config = json.loads((MODEL / "generation_config.json").read_text(encoding="utf-8"))
    assert config["eos_token_id"] == tokenizer.convert_tokens_to_ids("<|im_end|>") == tokenizer.eos_token_id


def test_template_keeps_every_content_as_it_is() -> None:
    text = AutoTokenizer.from_pretrained(MODEL).apply_chat_template(TALK, tokenize=False)
    for message in TALK:
        assert f"<|im_start|>{message['role']}\n{message['content']}<|im_end|>\n" in text
    assert text.count("<|bos|>") == 1


def test_template_marks_what_the_assistant_wrote() -> None:
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    made = tokenizer.apply_chat_template(TALK, return_dict=True, return_assistant_tokens_mask=True)
    marked = [token for token, mark in zip(made["input_ids"], made["assistant_masks"], strict=True) if mark]
    answers = [message["content"] for message in TALK if message["role"] == "assistant"]
    assert tokenizer.decode(marked) == "".join(f"{answer}<|im_end|>" for answer in answers)


def test_training_sees_the_tokens_that_the_template_writes() -> None:
    talks = [conversation(7, "fresh", index) for index in range(40)]
    tokenizer = load_tokenizer(MODEL)
    row = blocks.encode(tokenizer, talks).astype(np.int64)
    expected: list[int] = []
    marks: list[int] = []
    for talk in talks:
        made = tokenizer.apply_chat_template(talk, return_dict=True, return_assistant_tokens_mask=True)
        expected += made["input_ids"]
        marks += made["assistant_masks"]
    assert (row & (blocks.ASSISTANT - 1)).tolist() == expected
    assert (row >= blocks.ASSISTANT).astype(int).tolist() == marks


def small_model() -> training.LlamaForCausalLM:
    """The starter's kind of model with two narrow layers."""
    return training.new_model(training.Shape(vocabulary=64, width=64, layers=2, inner=64), 0, 1, 2, seed=5)


def parameters_of(model: torch.nn.Module) -> torch.Tensor:
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def run(folder: Path, steps: int, resume: bool) -> torch.Tensor:
    """Trains a small model to step ``steps``; returns its parameters."""
    row = np.random.default_rng(1).integers(3, 64, 8 * blocks.BLOCK).astype(np.uint16)
    row[::3] |= blocks.ASSISTANT
    plan = dataclasses.replace(training.Plan(), rows=1, warm_up=2, rate=1e-2)
    model = small_model()
    if resume:
        progress = json.loads((folder / "progress.json").read_text(encoding="utf-8"))
        (folder / "progress.json").write_text(json.dumps({**progress, "steps": steps}), encoding="utf-8")
    pace = training.Pace(minutes=1, steps=steps, compiled=False)
    training.train(model, row, row, plan, pace, folder, lambda progress: None, resume)
    return parameters_of(model)


def test_training_changes_the_model_and_goes_on_where_it_was_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: None
) -> None:
    monkeypatch.setattr(training, "rate_share", lambda step, steps, warm_up: 1.0)
    before = parameters_of(small_model())
    at_once = run(tmp_path / "whole", 4, resume=False)
    run(tmp_path / "parts", 2, resume=False)
    in_parts = run(tmp_path / "parts", 4, resume=True)
    assert not torch.equal(before, at_once)
    assert torch.equal(at_once, in_parts)


def test_a_build_that_goes_on_keeps_what_it_began_with(tmp_path: Path) -> None:
    begun = argparse.Namespace(work=tmp_path, seed=7, tokens=0.1, rate=0.002, begin_with=MODEL)
    made = build.settled(begun)
    assert made["before"]["tokens_before"] > 1e6
    assert build.settled(argparse.Namespace(**{**vars(begun), "rate": 0.008, "begin_with": None})) == made
    with pytest.raises(SystemExit, match="tokens"):
        build.settled(argparse.Namespace(**{**vars(begun), "tokens": 0.2}))


def test_rate_warms_up_stays_and_falls_to_nothing() -> None:
    shares = [training.rate_share(step, 100, 10) for step in range(101)]
    assert shares[0] == 0.1
    assert set(shares[9:75]) == {1.0}
    assert shares[99] < 0.05
    assert shares[100] == 0
    assert training.rate_share(5000, 0, 10) == 1.0


# A little below, or above, what was measured.
LEAST = {
    "tokens_per_second": 60,
    "repetitions_foreseen": 0.85,
    "right_figures_known_facts": 0.46,
    "right_figures_unseen_facts": 0.17,
    "right_articles_known_situations": 0.2,
    "right_entries_known_matters": 0.18,
    "right_values_known_things": 0.24,
    "right_values_unseen_things": 0.14,
    "yes_or_no_right": 0.4,
    "says_not_in_passage": 0.25,
    "off_topic_refused": 0.66,
    "json_valid": 0.9,
    "english": 0.9,
    "ended": 0.95,
    "shop_facts_said": 0.25,
    "shop_english": 0.85,
    "shop_ended": 0.95,
}
MOST = {
    "load_seconds": 2,
    "says_so_wrongly": 0.18,
    "on_topic_refused_wrongly": 0.28,
    "looped": 0.05,
    "shop_looped": 0.1,
}


@pytest.fixture(scope="module")
def starter(threads: None) -> measure.Starter:
    return measure.Starter(MODEL)


@pytest.fixture(scope="module")
def measured() -> dict[str, float]:
    """What was measured on 100 conversations each."""
    figures: dict[str, float] = json.loads((MODEL / "manifest.json").read_text(encoding="utf-8"))["measured"]
    return figures


def test_it_behaves_as_the_manifest_says(starter: measure.Starter) -> None:
    """The same questions, asked greedily: only rounding may tip one or two of sixteen."""
    recorded = json.loads((MODEL / "manifest.json").read_text(encoding="utf-8"))["measured_on_first"]
    found = measure.shares(starter, measure.FIRST) | measure.shop_shares(starter)
    assert found.keys() == recorded.keys()
    assert {name: share for name, share in found.items() if abs(share - recorded[name]) > rebuild.SLACK} == {}


@pytest.mark.parametrize(("name", "least"), LEAST.items())
def test_the_shipped_model_is_good_enough(measured: dict[str, float], name: str, least: float) -> None:
    assert measured[name] >= least


@pytest.mark.parametrize(("name", "most"), MOST.items())
def test_the_shipped_model_is_quick_and_quiet_enough(measured: dict[str, float], name: str, most: float) -> None:
    assert measured[name] <= most


def test_loops_are_seen() -> None:
    assert judging.loops("We are open today. " * 5)
    assert judging.loops("we ship it to you and we ship it to you and we ship it to you and then")
    assert not judging.loops("Hello.")
    assert not judging.loops("Open your account. Choose the order you want. Click the button there. Confirm it then.")
    assert judging.figures("Delivery costs $4.95, and takes 3 days (order AB-12).") == {"$4.95", "3", "AB-12"}


def test_an_answer_is_a_yes_a_no_or_neither() -> None:
    assert judging.says_yes("Yes, we deliver to Norway.")
    assert judging.says_yes("No, we have no branch in Leeds.") is False
    assert judging.says_yes("I'm sorry, we don't come to Leeds.") is False
    assert judging.says_yes("Nobody knows.") is None
    assert judging.says_yes("") is None


def test_an_answer_without_words_is_not_english() -> None:
    assert judging.english("We deliver your order tomorrow.")
    assert not judging.english("")
    assert not judging.english("1234")
